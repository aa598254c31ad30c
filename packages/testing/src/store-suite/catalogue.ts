import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { newAgentConfig } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** The catalogue of agents: registered, changed, enabled, removed, and what its log tells. */
export function catalogue({ group, test }: Suite): void {
  const register = (id = 'a', description = ''): Command => ({
    type: 'registerAgent',
    config: newAgentConfig(id, { description }),
  });
  const enable = (enabled: boolean, id = 'a'): Command => ({ type: 'enableAgent', id, enabled });
  const remove = (id = 'a'): Command => ({ type: 'removeAgent', id });
  const listed = async (lab: Lab): Promise<readonly (readonly [string, boolean])[]> =>
    (await lab.store.agents()).map(({ config, enabled }) => [config.id, enabled]);

  group('the catalogue of agents', () => {
    test('lists agents by id, whether enabled or not, as they were registered last', async (lab) => {
      for (const id of ['b', 'a', 'B', 'ä']) await lab.run(register(id));
      await lab.run(enable(false, 'b'));
      await lab.run(register('a', 'changed'));
      assert.deepEqual(await listed(lab), [
        ['B', true],
        ['a', true],
        ['b', false],
        ['ä', true],
      ]);
      assert.equal((await lab.store.agents())[1]?.config.description, 'changed');
    });

    test('records each change, and nothing where nothing changes', async (lab) => {
      const steps = [register(), register(), enable(true), enable(false), enable(false), register('a', 'new')];
      for (const command of [...steps, enable(true)]) await lab.run(command);
      assert.deepEqual(await lab.log('agent:a'), ['registered', 'disabled', 'changed', 'enabled']);
      assert.deepEqual((await lab.lastEvent('agent:a')).data, { agentId: 'a' });
    });

    test('keeps an agent disabled that is registered anew with other words', async (lab) => {
      await lab.run(register(), enable(false));
      await lab.run(register('a', 'new'));
      assert.deepEqual(await listed(lab), [['a', false]]);
    });

    test('refuses to enable, disable or remove what it does not hold', async (lab) => {
      await lab.refused('AGENT_NOT_FOUND', enable(true));
      await lab.refused('AGENT_NOT_FOUND', remove());
    });
  });

  group('an agent that is removed', () => {
    test('is not listed any more, and cannot be enabled or removed again', async (lab) => {
      for (const id of ['a', 'b']) await lab.run(register(id));
      await lab.run(remove());
      assert.deepEqual(await listed(lab), [['b', true]]);
      await lab.refused('AGENT_NOT_FOUND', enable(false));
      await lab.refused('AGENT_NOT_FOUND', remove());
    });

    test('must not be hosted: a worker that hosts it is named, and when it is gone the agent can go', async (lab) => {
      await lab.run(register());
      for (const id of ['wrk_1', 'wrk_2']) await lab.openWorker(id, ['b', 'a']);
      await lab.store.closeWorker('wrk_1');
      const { details } = await lab.refused('AGENT_HOSTED', remove());
      assert.deepEqual(details, { agentId: 'a', workerId: 'wrk_2' });
      await lab.renew('wrk_2', ['b']);
      await lab.run(remove());
    });

    test('comes back by being registered: enabled, not hosted, its log going on', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.run(register(), enable(false));
      await lab.store.closeWorker('wrk_1');
      await lab.run(remove());
      await lab.run(register());
      const [entry] = await lab.store.agents();
      assert.deepEqual([entry?.enabled, entry?.hosted], [true, false]);
      assert.deepEqual(await lab.log('agent:a'), ['registered', 'disabled', 'removed', 'registered']);
      assert.deepEqual(
        (await lab.events('agent:a')).map(({ seq }) => seq),
        [1, 2, 3, 4],
      );
    });

    test('comes back as hosted if a worker hosts it by then', async (lab) => {
      await lab.run(register());
      await lab.run(remove());
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.store.agents(), []);
      await lab.run(register());
      assert.equal((await lab.store.agents())[0]?.hosted, true);
    });

    test('loses at a sweep what it has not started', async (lab) => {
      await lab.run(register());
      await lab.assigned('tsk_1', 'a');
      await lab.run(remove());
      await lab.store.sweep({ markDead: false });
      assert.equal((await lab.task('tsk_1')).agentId, null);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { agentId: 'a', reason: 'the agent was removed' });
    });

    test('loses what it has begun as well, once nobody runs it: it does not come back to its journal', async (lab) => {
      await lab.run(register());
      await lab.submit('tsk_1');
      await lab.openWorker('wrk_1', ['a']);
      await lab.claim('wrk_1', ['a']);
      const decision = { agentId: 'a', strategy: 't', candidates: [], considered: 1, excluded: {}, decidedAt: 0 };
      await lab.run({ type: 'route', id: 'tsk_1', workerId: 'wrk_1', decision, claim: true });
      await lab.fail('tsk_1', { retryable: true });
      await lab.store.closeWorker('wrk_1');
      await lab.run(remove());
      await lab.store.sweep({ markDead: false });
      const { agentId, attempt } = await lab.task('tsk_1');
      assert.deepEqual([agentId, attempt], [null, 1]);
    });

    test('has no limit any more for those who still name it', async (lab) => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a', { limits: { concurrency: 1 } }) });
      await lab.run(remove());
      await lab.openWorker('wrk_1');
      for (const id of ['tsk_1', 'tsk_2']) {
        await lab.create(id);
        await lab.run({ type: 'claimTask', id, workerId: 'wrk_1', agentId: 'a' });
      }
    });
  });
}
