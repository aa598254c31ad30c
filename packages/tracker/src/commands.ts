import {
  delay,
  SymphonyError,
  type Clock,
  type CommandValue,
  type Group,
  type GroupResult,
  type Store,
} from '@symphony/core';

/** A group that was carried out, or was found to be there already. */
type Done = Extract<GroupResult, { readonly status: 'ok' | 'duplicate' }>;

/**
 * Commits one group.
 *
 * @throws SymphonyError with the code of the refusal
 */
export async function commitGroup(store: Store, group: Group): Promise<Done> {
  return toDone(await send(store, group));
}

/** Commits one group that answers with a value. */
export async function commitValue(store: Store, group: Group): Promise<CommandValue> {
  const result = await commitGroup(store, group);
  return result.status === 'ok' ? result.value : {};
}

/** How long to wait before a creation is sent again. */
const napsMs = [50, 250, 1_000];

/**
 * Commits a creation, and sends it again unchanged where the store could not say what became of it: the record carries
 * its own id, so it is recognised if it is there already.
 *
 * @throws SymphonyError as {@link commitGroup}
 */
export async function commitCreation(store: Store, clock: Clock, group: Group): Promise<Done> {
  return toDone(await sendAgain(store, clock, group, napsMs));
}

async function sendAgain(store: Store, clock: Clock, group: Group, naps: readonly number[]): Promise<GroupResult> {
  const [nap, ...others] = naps;
  try {
    return await send(store, group);
  } catch (error) {
    if (nap === undefined || !SymphonyError.is(error, 'STORE_FAILED')) throw error;
    await delay(clock, nap);
    return sendAgain(store, clock, group, others);
  }
}

async function send(store: Store, group: Group): Promise<GroupResult> {
  const { results } = await store.commit({ groups: [group] });
  return results[0] as GroupResult;
}

function toDone(result: GroupResult): Done {
  if (result.status === 'error') throw new SymphonyError(result.code, result.message, { details: result.details });
  if (result.status === 'stale') {
    throw new SymphonyError('LEASE_LOST', 'The attempt that wrote is not the current one any more.');
  }
  return result;
}
