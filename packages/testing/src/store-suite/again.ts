import assert from 'node:assert/strict';
import { Lab } from './lab.ts';
import type { StoreUnderTest } from './suite.ts';

/**
 * Opens once more what a lab's store keeps, and closes that when it has been looked at. A store that only one process may
 * open is closed before: it may have locked its records.
 *
 * @param how as a program is started again, or with the machine started anew
 */
export async function again(
  subject: StoreUnderTest,
  lab: Lab,
  body: (other: Lab) => Promise<void>,
  how: 'reopen' | 'reboot' = 'reopen',
): Promise<void> {
  if (!subject.traits.multiProcess) await lab.store.close();
  const store = await subject[how]?.(lab.store, { clock: lab.clock });
  assert.ok(store !== undefined);
  try {
    await body(new Lab(store, lab.clock));
  } finally {
    await store.close();
  }
}
