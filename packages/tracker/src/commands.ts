import { SymphonyError, type CommandValue, type Group, type GroupResult, type Store } from '@symphony/core';

/**
 * Commits one group.
 *
 * @throws SymphonyError with the code of the refusal
 */
export async function commitGroup(
  store: Store,
  group: Group,
): Promise<Extract<GroupResult, { readonly status: 'ok' | 'duplicate' }>> {
  const { results } = await store.commit({ groups: [group] });
  const result = results[0] as GroupResult;
  if (result.status === 'error') throw new SymphonyError(result.code, result.message, { details: result.details });
  if (result.status === 'stale')
    throw new SymphonyError('LEASE_LOST', 'The attempt that wrote is not the current one any more.');
  return result;
}

/** Commits one group that answers with a value. */
export async function commitValue(store: Store, group: Group): Promise<CommandValue> {
  const result = await commitGroup(store, group);
  return result.status === 'ok' ? result.value : {};
}
