import { SymphonyError, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { testStore, type StoreUnderTest } from '@symphony/testing';
import { describe, expect, it } from 'vitest';

/** Records that outlive the store that is open on them, as a file does. */
interface Kept {
  readonly store: MemoryStore;
  isLocked: boolean;
  /** How far the lease clock of the machine is ahead of the test's: a restart moves it past every lease. */
  aheadMs: number;
}

/** Opens a store that nobody else can open before it is closed. */
function openLocked(kept: Kept): Store {
  if (kept.isLocked) throw new SymphonyError('STORE_OPEN_FAILED', 'Another process has the records open.');
  kept.isLocked = true;
  const underWay = new Set<unknown>();
  const stops: (() => void)[] = [];
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await Promise.allSettled(underWay);
    for (const stop of stops) stop();
    kept.isLocked = false;
  };
  const whileOpen = <T extends object>(part: T, others: Partial<T>): T =>
    new Proxy(part, {
      get(target, name) {
        if (name in others) return others[name as keyof T];
        const member = target[name as keyof T];
        if (typeof member !== 'function') return member;
        return (...parameters: unknown[]): unknown => {
          const error = new SymphonyError('STORE_CLOSED', 'This store has been closed.');
          if (closing !== undefined && name === 'onChange') throw error;
          if (closing !== undefined) return Promise.reject(error);
          const answer: unknown = member.apply(target, parameters);
          if (typeof answer === 'function') stops.push(answer as () => void);
          else underWay.add(answer);
          return answer;
        };
      },
    });
  return whileOpen<Store>(kept.store, {
    traits: { name: 'locked', durability: 'process-crash', multiProcess: false },
    state: whileOpen(kept.store.state, {}),
    close: () => (closing ??= close()),
  });
}

let kept: Kept;
const locked: StoreUnderTest = {
  name: 'A store that locks its records',
  traits: { name: 'locked', durability: 'process-crash', multiProcess: false },
  open({ clock }) {
    const machine = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() + kept.aheadMs,
      setTimer: clock.setTimer.bind(clock),
    };
    kept = { store: new MemoryStore({ clock: machine }), isLocked: false, aheadMs: 0 };
    return openLocked(kept);
  },
  reopen: () => openLocked(kept),
  reboot() {
    kept.aheadMs += 3_600_000;
    return openLocked(kept);
  },
};

testStore({ describe, it }, locked);

it('cannot be opened twice, and can when it was closed', async () => {
  const records: Kept = { store: new MemoryStore(), isLocked: false, aheadMs: 0 };
  const first = openLocked(records);
  expect(() => openLocked(records)).toThrow(/Another process/);
  await first.close();
  await openLocked(records).close();
});
