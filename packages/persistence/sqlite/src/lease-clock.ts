import { readFileSync } from 'node:fs';
import { systemClock, type Clock, type Times } from '@symphony/core';

/** Tells the times that a transaction decides by. */
export type ReadTimes = () => Times;

/**
 * SQLite has no clock of its own, so leases need one that all processes on the machine share and that nobody sets: the
 * monotonic clock of the operating system, together with the id of its boot. Where there is no boot id to be read, the
 * wall clock stands in.
 *
 * @param instead what stands in for the machine's clock and boot, for tests
 */
export function createReadTimes(instead: { readonly clock?: Clock; readonly bootId?: string } = {}): ReadTimes {
  const { clock } = instead;
  const bootId = instead.bootId ?? readBootId();
  if (clock !== undefined) return () => ({ now: clock.now(), lease: clock.monotonic(), bootId: bootId ?? 'injected' });
  if (bootId === undefined) return () => ({ now: systemClock.now(), lease: systemClock.now(), bootId: 'wall-clock' });
  return () => ({ now: systemClock.now(), lease: systemClock.monotonic(), bootId });
}

function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}
