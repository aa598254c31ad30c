import { wait } from './agents.ts';
import { DiaryTail } from './diary-tail.ts';
import type { Fleet } from './fleet.ts';

/** Resolves when the submitters of a fleet have cancelled so many tasks and workflows. */
export async function untilCancelled({ supervisor }: Fleet, count: number): Promise<void> {
  const tails = new Map<string, DiaryTail>();
  for (let cancelled = 0; cancelled < count; await wait(50)) {
    for (const { label, place } of supervisor.running) {
      if (place.program !== 'submitter') continue;
      const tail = tails.get(label) ?? new DiaryTail(supervisor.folder, label);
      tails.set(label, tail);
      const isCancel = ({ kind }: { readonly kind: string }): boolean => kind === 'cancelled' || kind === 'workflow';
      cancelled += tail.next().filter(isCancel).length;
    }
  }
}
