import type { Holding, Store } from '@symphony/core';

/** How long an oblivious worker goes on as if nothing had happened. */
const obliviousMs = 1_500;

/**
 * Makes a store keep from its worker that it was taken for dead, or that an attempt is not its own any more: for a while it is
 * told that all is as before. What it then writes, the real store has to refuse.
 */
export function closeEars(store: Store): void {
  const begun = new Map<string, Holding>();
  const missingSince = new Map<string, number>();
  let lostAt: number | undefined;

  const pretend = (real: readonly Holding[]): readonly Holding[] => {
    const listed = new Set(real.map(keyOf));
    const now = performance.now();
    const pretended: Holding[] = [];
    for (const [key, holding] of begun) {
      if (listed.has(key)) missingSince.delete(key);
      else missingSince.set(key, missingSince.get(key) ?? now);
      const since = missingSince.get(key);
      if (since === undefined) continue;
      if (now - since < obliviousMs) pretended.push(holding);
      else begun.delete(key);
    }
    return [...real, ...pretended];
  };

  const [commit, renew, holding] = [store.commit.bind(store), store.renew.bind(store), store.holding.bind(store)];
  store.commit = async (request) => {
    for (const command of request.groups.flat())
      if (command.type === 'report') begun.delete(keyOf({ taskId: command.id, attempt: command.attempt }));
    const response = await commit(request);
    const started = response.results.flatMap((result) => (result.status === 'ok' ? (result.value.task ?? []) : []));
    for (const { id: taskId, attempt, status } of [...response.claimed, ...started])
      if (status === 'running') begun.set(keyOf({ taskId, attempt }), { taskId, attempt, status, cancelAt: null });
    return response;
  };
  store.holding = async (workerId) => pretend(await holding(workerId));
  store.renew = async (worker) => {
    const renewal = await renew(worker);
    if (renewal.alive) {
      lostAt = undefined;
      return { ...renewal, holding: pretend(renewal.holding) };
    }
    lostAt ??= performance.now();
    if (performance.now() - lostAt > obliviousMs) return renewal;
    return { alive: true, now: Date.now(), holding: pretend([]) };
  };
}

function keyOf({ taskId, attempt }: Pick<Holding, 'taskId' | 'attempt'>): string {
  return `${taskId}/${attempt}`;
}
