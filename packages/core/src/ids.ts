import type { Clock } from './clock.ts';

/** What an id is for; it is the prefix of the id. */
export type IdKind = 'tsk' | 'wf' | 'wrk';

/** Makes ids: `tsk_…`, unique, and sorting in the order in which one process made them. */
export type MakeId = (kind: IdKind) => string;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Ids of the layout of UUID version 7 (RFC 9562 §5.7): 48 bits of time, then a counter of 12 bits that keeps the ids of
 * one millisecond in order, then 62 random bits; written in base 32 behind a prefix.
 */
export function createMakeId(clock: Pick<Clock, 'now'>): MakeId {
  let lastTime = -1;
  let counter = 0;
  const pool = new Uint32Array(512);
  let next = pool.length;
  return (kind) => {
    const time = clock.now();
    if (time > lastTime) {
      lastTime = time;
      counter = 0;
    } else if (++counter > 0xfff) {
      lastTime++; // borrow a millisecond instead of breaking the order
      counter = 0;
    }
    if (next === pool.length) {
      crypto.getRandomValues(pool); // in bulk: one call per id would cost more than the rest of it
      next = 0;
    }
    const high = pool[next++] as number;
    const low = pool[next++] as number;
    const bits =
      (BigInt(lastTime) << 80n) |
      (0x7n << 76n) |
      (BigInt(counter) << 64n) |
      (0b10n << 62n) |
      (BigInt(high & 0x3fffffff) << 32n) |
      BigInt(low);
    let text = '';
    for (let shift = 125n; shift >= 0n; shift -= 5n) text += alphabet[Number((bits >> shift) & 31n)];
    return `${kind}_${text}`;
  };
}
