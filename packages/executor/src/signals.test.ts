import { describe, expect, it } from 'vitest';
import { Lab, Waiting } from '../test/lab.ts';

const signal = 'SIGUSR2';

describe('a worker that is asked to end', () => {
  it('gives its attempts ten seconds, and takes nothing more', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const worker = await lab.executor().startWorker({ agents: [waiting.agent], concurrency: 2 });
    const stopped = worker.stopOnSignals([signal]);
    const id = await lab.submit({ agentId: 'ada' });
    await lab.until(() => waiting.started === 1);
    const askedAt = lab.clock.now();
    process.emit(signal);
    const later = await lab.submit({ agentId: 'ada' });
    await lab.until(stopped);
    expect(lab.clock.now() - askedAt).toBe(10_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 1, failures: 0, crashes: 0 });
    expect(await lab.task(later)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(await lab.openWorkers()).toEqual([]);
  });

  it('a second time hands them back at once, at no cost', async () => {
    await using lab = new Lab();
    const [heeding, deaf] = [new Waiting('heeding'), new Waiting('deaf', { heeds: false })];
    const worker = await lab.executor().startWorker({ agents: [heeding.agent, deaf.agent] });
    const stopped = worker.stopOnSignals([signal]);
    const ids = [await lab.submit({ agentId: 'heeding' }), await lab.submit({ agentId: 'deaf' })];
    await lab.until(() => heeding.started + deaf.started === 2);
    process.emit(signal);
    await lab.clock.advance(100);
    const hurriedAt = lab.clock.now();
    process.emit(signal);
    await lab.until(stopped);
    expect(lab.clock.now() - hurriedAt).toBeLessThanOrEqual(1_000);
    for (const id of ids) {
      expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 1, failures: 0, crashes: 0 });
    }
    expect(await lab.openWorkers()).toEqual([]);
  });
});
