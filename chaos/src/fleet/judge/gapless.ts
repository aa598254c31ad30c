import type { EventRow } from './rows.ts';
import type { Trial } from './trial.ts';

/** The events of a subject are numbered from 1 without gaps, in the order of their positions. */
export function gapless(trial: Trial, subject: string, lastSeq: number, events: readonly EventRow[]): void {
  for (const [index, { seq, position }] of events.entries()) {
    if (seq !== index + 1) {
      trial.accuse('seq 1..n', subject, `event ${index + 1} has seq ${seq}`);
      break;
    }
    const before = events[index - 1];
    if (before !== undefined && before.position >= position)
      trial.accuse(
        'seq 1..n',
        subject,
        `seq ${seq} has position ${position}, seq ${before.seq} has ${before.position}`,
      );
  }
  if (events.length !== lastSeq)
    trial.accuse('seq 1..n', subject, `has ${events.length} events, and its row says ${lastSeq}`);
}
