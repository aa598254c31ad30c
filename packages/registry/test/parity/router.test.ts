import { defineStrategy, RoutingStrategies, type Agent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab, stores } from '../lab.ts';

const returnId = (id: string, more: Partial<Agent> = {}): Agent => ({ id, run: () => id, ...more });
const agents = [
  returnId('cook', { description: 'Cooks soup and bakes bread', capabilities: ['kitchen', 'oven'] }),
  returnId('lawyer', { description: 'Reads contracts and leases', capabilities: ['law'] }),
  returnId('pilot', { description: 'Flies planes', capabilities: ['flying'] }),
];

describe.each(stores)('router on %s', (_name, persistence) => {
  describe('routeTask(task)', () => {
    it('resolves to an agent id', async () => {
      await using lab = await Lab.open({ persistence, agents });
      expect(await lab.symphony.getTaskRouter().routeTask({ name: 'read the lease contract' })).toBe('lawyer');
      const task = await lab.taskManager.createTask({ name: 'bake a bread' });
      expect(await lab.symphony.getTaskRouter().routeTask(task)).toBe('cook');
    });

    it('rejects with NO_ROUTE where nobody can', async () => {
      await using lab = await Lab.open({ persistence, agents });
      const task = { name: 'operate', requirements: { capabilities: ['surgery'] } };
      await expect(lab.symphony.getTaskRouter().routeTask(task)).rejects.toMatchObject({ code: 'NO_ROUTE' });
      await using empty = await Lab.open({ persistence });
      await expect(empty.symphony.getTaskRouter().routeTask({ name: 'x' })).rejects.toMatchObject({ code: 'NO_ROUTE' });
    });
  });

  describe('explain(task)', () => {
    it('resolves to the decision with scores and reasons', async () => {
      await using lab = await Lab.open({
        persistence,
        agents,
        routing: { strategy: RoutingStrategies.CapabilityMatch },
      });
      expect(await lab.symphony.getTaskRouter().explain({ name: 'x', tags: ['kitchen', 'law', 'oven'] })).toMatchObject(
        {
          agentId: 'cook',
          strategy: 'capability-match',
          considered: 3,
          candidates: [
            { agentId: 'cook', score: 2 / 3, reasons: [expect.stringContaining('2 of 3'), 'does nothing else'] },
            { agentId: 'lawyer', score: 1 / 3 },
          ],
        },
      );
    });
  });

  describe('setStrategy(…)', () => {
    it.each([
      [RoutingStrategies.RoundRobin, 'round-robin'],
      [RoutingStrategies.CapabilityMatch, 'capability-match'],
      [RoutingStrategies.ContentMatch, 'content-match'],
      [RoutingStrategies.LoadBalanced, 'load-balanced'],
    ])('takes the name %s', async (name, strategy) => {
      await using lab = await Lab.open({ persistence, agents });
      const router = lab.symphony.getTaskRouter();
      expect(router.setStrategy(name)).toBeUndefined();
      expect(await router.explain({ name: 'law: read the lease contract', tags: ['law'] })).toMatchObject({ strategy });
    });

    it('takes a [name, options] pair, a strategy object, and a plugin loaded in open({ strategies })', async () => {
      const last = defineStrategy({
        name: 'last',
        create: () => ({
          rank: ({ candidates }) =>
            [...candidates].slice(-1).map(({ id }) => ({ agentId: id, score: 1, reasons: ['last'] })),
        }),
      });
      await using lab = await Lab.open({ persistence, agents, strategies: [last] });
      const router = lab.symphony.getTaskRouter();
      router.setStrategy(['content-match', { minScore: 0.01 }]);
      expect(await router.routeTask({ name: 'fly the planes' })).toBe('pilot');
      router.setStrategy({ name: 'mine', rank: () => [{ agentId: 'cook', score: 1, reasons: ['mine'] }] });
      expect(await router.routeTask({ name: 'x' })).toBe('cook');
      router.setStrategy('last');
      expect(await router.routeTask({ name: 'x' })).toBe('pilot');
    });

    it('with an unknown name throws STRATEGY_NOT_FOUND, and the old one stays', async () => {
      await using lab = await Lab.open({ persistence, agents, routing: { strategy: 'capability-match' } });
      const router = lab.symphony.getTaskRouter();
      expect(() => router.setStrategy('content-macth')).toThrow(
        expect.objectContaining({ code: 'STRATEGY_NOT_FOUND' }),
      );
      expect(await router.explain({ name: 'x', tags: ['law'] })).toMatchObject({ strategy: 'capability-match' });
    });

    it('changes what workers do', async () => {
      await using lab = await Lab.open({ persistence, agents });
      await lab.symphony.startWorker();
      lab.symphony
        .getTaskRouter()
        .setStrategy({ name: 'mine', rank: () => [{ agentId: 'pilot', score: 1, reasons: ['mine'] }] });
      const handle = await lab.symphony.submit({ name: 'bake a bread' });
      expect(await lab.until(handle.result())).toBe('pilot');
      expect(await lab.data(handle.id, 'task.routed')).toMatchObject([{ strategy: 'mine', agentId: 'pilot' }]);
    });
  });

  describe('setCustomRouter((task, candidates, context) => agentId)', () => {
    it('lets a function choose, sync or async', async () => {
      await using lab = await Lab.open({ persistence, agents });
      const router = lab.symphony.getTaskRouter();
      router.setCustomRouter((task, candidates) =>
        task.tags.includes('urgent') && candidates.has('pilot') ? 'pilot' : 'cook',
      );
      expect(await router.routeTask({ name: 'x', tags: ['urgent'] })).toBe('pilot');
      expect(await router.routeTask({ name: 'x' })).toBe('cook');
      router.setCustomRouter(async (_task, _candidates, { now }) => (now === lab.clock.now() ? 'lawyer' : undefined));
      expect(await router.routeTask({ name: 'x' })).toBe('lawyer');
      router.setStrategy('round-robin');
      router.setStrategy(RoutingStrategies.Custom);
      expect(await router.routeTask({ name: 'x' })).toBe('lawyer');
    });
  });

  describe('mark_task_complete', () => {
    it('is not needed: load follows the recorded life of tasks', async () => {
      await using lab = await Lab.open({ persistence, agents, routing: { strategy: RoutingStrategies.LoadBalanced } });
      const router = lab.symphony.getTaskRouter();
      const busy = new Map<string, () => void>();
      const run = (id: string) => ({ id, run: () => new Promise<void>((resolve) => busy.set(id, resolve)) });
      const runs = ['cook', 'lawyer'].map(async (id) => lab.executor.executeTask(await lab.create(), run(id)));
      await lab.clock.advance(1_000);
      expect(await router.routeTask({ name: 'x' })).toBe('pilot');
      await lab.executor.executeTask(await lab.create(), { id: 'pilot', run: () => undefined });
      const third = lab.executor.executeTask(await lab.create(), run('pilot'));
      await lab.clock.advance(1_000);
      busy.get('lawyer')?.();
      await lab.until(runs[1] as Promise<unknown>);
      await lab.clock.advance(1_000);
      expect(await router.routeTask({ name: 'x' })).toBe('lawyer');
      for (const end of busy.values()) end();
      await lab.until(Promise.all([...runs, third]));
    });
  });
});
