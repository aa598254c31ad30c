import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { delay, systemClock, type Clock } from './index.ts';

describe('the clock of the machine', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_700_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it('tells wall time in epoch milliseconds', () => {
    expect(systemClock.now()).toBe(1_700_000_000_000);
    vi.setSystemTime(5);
    expect(systemClock.now()).toBe(5);
  });

  it('has a monotonic time that follows no change of wall time', () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const before = systemClock.monotonic();
    vi.setSystemTime(1);
    const after = systemClock.monotonic();
    expect(after).toBeGreaterThanOrEqual(before);
    expect(after - before).toBeLessThan(1_000);
  });

  it('measures in milliseconds', () => {
    const before = systemClock.monotonic();
    vi.advanceTimersByTime(1_500);
    expect(systemClock.monotonic() - before).toBeCloseTo(1_500, 0);
  });

  it('calls back once, when the delay is over', () => {
    const rung = vi.fn();
    systemClock.setTimer(rung, 10);
    vi.advanceTimersByTime(9);
    expect(rung).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(rung).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(100);
    expect(rung).toHaveBeenCalledOnce();
  });

  it('takes a delay below zero as none', () => {
    const rung = vi.fn();
    systemClock.setTimer(rung, -5);
    vi.advanceTimersByTime(1);
    expect(rung).toHaveBeenCalledOnce();
  });

  it('does not call back after it was cancelled', () => {
    const rung = vi.fn();
    const cancel = systemClock.setTimer(rung, 10);
    cancel();
    vi.advanceTimersByTime(100);
    expect(rung).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for delays beyond the 24.8 days at which setTimeout overflows', () => {
    const longest = 2 ** 31 - 1;
    const rung = vi.fn();
    systemClock.setTimer(rung, 2 * longest + 10);
    vi.advanceTimersByTime(longest);
    vi.advanceTimersByTime(longest);
    vi.advanceTimersByTime(9);
    expect(rung).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(rung).toHaveBeenCalledOnce();
  });

  it('can be cancelled after the first 24.8 days', () => {
    const longest = 2 ** 31 - 1;
    const rung = vi.fn();
    const cancel = systemClock.setTimer(rung, 2 * longest);
    vi.advanceTimersByTime(longest + 1);
    cancel();
    vi.advanceTimersByTime(longest);
    expect(rung).not.toHaveBeenCalled();
  });

  it('keeps the process alive for a timer, but not for a background one', () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    systemClock.setTimer(vi.fn(), 10);
    systemClock.setTimer(vi.fn(), 10, { background: false });
    systemClock.setTimer(vi.fn(), 10, { background: true });
    const alive = timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
    timers.mockRestore();
    expect(alive).toEqual([true, true, false]);
  });
});

describe('a wait on a clock', () => {
  /** A clock that a test rings by hand. */
  function handClock(): Clock & { ring(): void; readonly delays: number[]; readonly cancelled: () => number } {
    const delays: number[] = [];
    let callbacks: (() => void)[] = [];
    let cancelled = 0;
    return {
      delays,
      now: () => 0,
      monotonic: () => 0,
      setTimer(callback, delayMs) {
        delays.push(delayMs);
        callbacks.push(callback);
        return () => void cancelled++;
      },
      ring() {
        for (const callback of callbacks.splice(0)) callback();
        callbacks = [];
      },
      cancelled: () => cancelled,
    };
  }

  it('ends when the delay is over', async () => {
    const clock = handClock();
    let over = false;
    const wait = delay(clock, 250).then(() => void (over = true));
    await Promise.resolve();
    expect(over).toBe(false);
    clock.ring();
    await wait;
    expect(clock.delays).toEqual([250]);
  });

  it('rejects with the reason of the signal, and stops its timer', async () => {
    const clock = handClock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const wait = delay(clock, 250, controller.signal);
    controller.abort(reason);
    await expect(wait).rejects.toBe(reason);
    expect(clock.cancelled()).toBe(1);
  });

  it('does not begin under a signal that has already aborted', async () => {
    const clock = handClock();
    const reason = new Error('before');
    await expect(delay(clock, 250, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.delays).toEqual([]);
  });

  it('leaves no listener on the signal when it is over', async () => {
    const clock = handClock();
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const wait = delay(clock, 250, controller.signal);
    clock.ring();
    await wait;
    expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1]);
    controller.abort();
    expect(clock.cancelled()).toBe(0);
  });
});
