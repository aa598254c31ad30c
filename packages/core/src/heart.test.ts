import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heart } from './heart.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] }));
afterEach(() => void vi.useRealTimers());

const advance = async (ms: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));

const beat = { id: 'wrk_1', hosts: [], leaseMs: 1_000, renewMs: 300, stallMs: 5_000 };

class Scene implements Disposable {
  readonly renewals: number[] = [];
  answer: () => boolean | Promise<boolean> = () => true;
  readonly heart = new Heart(({ id }) => {
    expect(id).toBe('wrk_1');
    this.renewals.push(Number(process.hrtime.bigint() - this.#startedAt) / 1e6);
    return this.answer();
  });
  readonly #startedAt = process.hrtime.bigint();

  [Symbol.dispose](): void {
    this.heart.stop();
  }
}

describe('a heart', () => {
  it('renews a lease as often as it is to be while the main thread is silent', async () => {
    using scene = new Scene();
    scene.heart.follow(beat);
    await advance(2_000);
    expect(scene.renewals).toEqual([400, 800, 1_200, 1_600, 2_000]);
  });

  it('leaves it to the main thread while that renews itself', async () => {
    using scene = new Scene();
    for (let beats = 0; beats < 20; beats++) {
      scene.heart.follow(beat);
      await advance(250);
    }
    expect(scene.renewals).toEqual([]);
  });

  it('lets the lease of a main thread run out that has been silent for too long: it counts as hung', async () => {
    using scene = new Scene();
    scene.heart.follow(beat);
    await advance(60_000);
    expect(scene.renewals.at(-1)).toBeLessThan(5_000);
    scene.heart.follow(beat);
    await advance(400);
    expect(scene.renewals.at(-1)).toBe(60_400);
  });

  it('never lets it run out where nobody said after how long', async () => {
    using scene = new Scene();
    const { stallMs: _, ...patient } = beat;
    scene.heart.follow(patient);
    await advance(3_600_000);
    expect(scene.renewals.at(-1)).toBe(3_600_000);
  });

  it('forgets what is given back, and what has no row any more', async () => {
    using scene = new Scene();
    scene.heart.follow(beat);
    scene.heart.forget('wrk_1');
    await advance(1_000);
    expect(scene.renewals).toEqual([]);
    scene.answer = () => false;
    scene.heart.follow(beat);
    await advance(2_000);
    expect(scene.renewals).toEqual([1_400]);
  });

  it('follows what was opened anew while the answer to an older renewal was awaited', async () => {
    using scene = new Scene();
    const answer = Promise.withResolvers<boolean>();
    scene.answer = () => answer.promise;
    scene.heart.follow(beat);
    await advance(400);
    scene.heart.follow(beat);
    scene.answer = () => true;
    answer.resolve(false);
    await advance(1_000);
    expect(scene.renewals.length).toBeGreaterThan(1);
  });

  it('tries again what failed', async () => {
    using scene = new Scene();
    scene.answer = () => Promise.reject(new Error('away'));
    scene.heart.follow(beat);
    await advance(800);
    expect(scene.renewals).toEqual([400, 600, 800]);
  });

  it('beats no more once it is stopped, also in the middle of a beat', async () => {
    using scene = new Scene();
    const answer = Promise.withResolvers<boolean>();
    scene.answer = () => answer.promise;
    scene.heart.follow(beat);
    await advance(400);
    scene.heart.stop();
    answer.resolve(true);
    await advance(1_000);
    expect(scene.renewals).toEqual([400]);
  });
});
