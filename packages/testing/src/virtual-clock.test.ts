import { delay } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './index.ts';

describe('VirtualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock({ now: 1_000, monotonic: 7 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 7]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 257]);
  });

  it('fires timers in the order of time, those of one time in the order of setting', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const start = clock.monotonic();
    const set = (name: string, ms: number): unknown =>
      clock.setTimer(() => fired.push(`${name}@${clock.monotonic() - start}`), ms);
    set('late', 30);
    set('early', 10);
    set('early too', 10);
    set('never', 31);
    await clock.advance(30);
    expect(fired).toEqual(['early@10', 'early too@10', 'late@30']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('fires timers that fired ones set, and not those that were cancelled', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const cancel = clock.setTimer(() => fired.push('cancelled'), 15);
    clock.setTimer(() => {
      cancel();
      clock.setTimer(() => fired.push('second'), 10);
    }, 10);
    await clock.advance(20);
    expect(fired).toEqual(['second']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets promises and immediates come to rest between two timers', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimer(() => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve));
        log.push('the work of the first');
      })();
    }, 10);
    clock.setTimer(() => log.push('second'), 11);
    await clock.advance(11);
    expect(log).toEqual(['the work of the first', 'second']);
  });

  it('moves from timer to timer until a promise settles, and no further', async () => {
    const clock = new VirtualClock();
    const start = clock.now();
    const years = 10 * 366 * 24 * 3_600_000;
    const work = async (): Promise<string> => {
      await delay(clock, years);
      await delay(clock, 5);
      return 'done';
    };
    expect(await clock.advanceUntil(work(), { limitMs: 2 * years })).toBe('done');
    expect(clock.now() - start).toBe(years + 5);
    await expect(clock.advanceUntil(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('moves until a predicate holds', async () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => void clock.setTimer(() => (ticks++, tick()), 100);
    tick();
    await clock.advanceUntil(() => ticks === 3);
    expect(ticks).toBe(3);
  });

  it('gives up at its limit and says what is left', async () => {
    const clock = new VirtualClock({ patienceMs: 20 });
    clock.setTimer(() => undefined, 500);
    await expect(clock.advanceUntil(new Promise(() => undefined), { limitMs: 100 })).rejects.toThrow(
      /100 ms.*1 timers/,
    );
  });

  it('waits for real work when no timer is left', async () => {
    const clock = new VirtualClock();
    await clock.advanceUntil(new Promise((resolve) => setTimeout(resolve, 20)));
  });

  it('jumps with its wall clock only', async () => {
    const clock = new VirtualClock({ now: 10_000, monotonic: 0 });
    let fired = false;
    clock.setTimer(() => (fired = true), 1_000);
    clock.jump(-5_000);
    await clock.advance(0);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_000, 0, false]);
  });

  it('counts background timers apart', () => {
    const clock = new VirtualClock();
    clock.setTimer(() => undefined, 1);
    const cancel = clock.setTimer(() => undefined, 1, { background: true });
    expect([clock.pendingTimers, clock.pendingBackgroundTimers]).toEqual([1, 1]);
    cancel();
    expect([clock.pendingTimers, clock.pendingBackgroundTimers]).toEqual([1, 0]);
  });
});
