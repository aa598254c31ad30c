import type { IdKind, MakeId } from '@symphony/core';

/** Makes predictable ids, numbered by kind: `tsk_000001`, `tsk_000002`, `wf_000001` … */
export function createIdSequence(): MakeId {
  const made = new Map<IdKind, number>();
  return (kind) => {
    const number = (made.get(kind) ?? 0) + 1;
    made.set(kind, number);
    return `${kind}_${String(number).padStart(6, '0')}`;
  };
}
