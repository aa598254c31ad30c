import assert from 'node:assert/strict';
import type { Command, TaskQuery } from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** What can be read, in which order, and that nobody's hands reach into the store through it. */
export function reading({ group, test }: Suite): void {
  const ids = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);

  group('getTask', () => {
    test('answers undefined for an unknown id', async (lab) => {
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
    });
  });

  group('listTasks', () => {
    const list = async (lab: Lab, query: Partial<TaskQuery> = {}): Promise<readonly string[]> =>
      ids(await lab.store.listTasks({ limit: 100, ...query }));

    test('lists whole tasks by id, whatever the order of creation', async (lab) => {
      for (const id of ['tsk_2', 'tsk_3', 'tsk_1', 'tsk_10']) await lab.submit(id);
      const tasks = await lab.store.listTasks({ limit: 100 });
      assert.deepEqual(ids(tasks), ['tsk_1', 'tsk_10', 'tsk_2', 'tsk_3']);
      assert.deepEqual(tasks[1], await lab.task('tsk_10'));
    });

    test('pages by the last id, without repeats or gaps', async (lab) => {
      const expected = Array.from({ length: 25 }, (_, index) => `tsk_${String(index).padStart(2, '0')}`);
      for (const id of expected) await lab.create(id);
      const seen: string[] = [];
      for (;;) {
        const last = seen.at(-1);
        const page = await list(lab, { limit: 10, ...(last === undefined ? {} : { after: last }) });
        seen.push(...page);
        if (page.length < 10) break;
      }
      assert.deepEqual(seen, expected);
      assert.deepEqual(await list(lab, { after: 'tsk_999' }), []);
      assert.deepEqual(await list(lab, { after: 'tsk_22x' }), ['tsk_23', 'tsk_24']);
    });

    test('narrows by status, workflow and agent together', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', { workflowId: 'wf_1', agentId: 'a' });
      await lab.submit('tsk_2', { workflowId: 'wf_1', agentId: 'b' });
      await lab.submit('tsk_3', { agentId: 'a' });
      await lab.submit('tsk_4', { workflowId: 'wf_1', agentId: 'a' });
      await lab.start('tsk_1');
      assert.deepEqual(await list(lab, { status: ['running'] }), ['tsk_1']);
      assert.deepEqual(await list(lab, { status: ['pending', 'running'] }), ['tsk_1', 'tsk_2', 'tsk_3', 'tsk_4']);
      assert.deepEqual(await list(lab, { status: [] }), []);
      assert.deepEqual(await list(lab, { workflowId: 'wf_1' }), ['tsk_1', 'tsk_2', 'tsk_4']);
      assert.deepEqual(await list(lab, { agentId: 'a' }), ['tsk_1', 'tsk_3', 'tsk_4']);
      assert.deepEqual(await list(lab, { agentId: 'a', workflowId: 'wf_1', status: ['pending'] }), ['tsk_4']);
      assert.deepEqual(await list(lab, { workflowId: 'wf_1', after: 'tsk_1', limit: 1 }), ['tsk_2']);
      assert.deepEqual(await list(lab, { workflowId: 'wf_2' }), []);
    });

    test('follows a task that moves from one filter to the next', async (lab) => {
      await lab.running('tsk_1');
      await lab.complete('tsk_1');
      assert.deepEqual(await list(lab, { status: ['pending', 'running'] }), []);
      assert.deepEqual(await list(lab, { status: ['completed'], agentId: 'a' }), ['tsk_1']);
    });
  });

  group('events', () => {
    const filled = async (lab: Lab): Promise<void> => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', { workflowId: 'wf_1', agentId: 'a' });
      await lab.submit('tsk_2');
      await lab.start('tsk_1');
      await lab.complete('tsk_1');
    };

    test('come in the order of their positions, which only increase', async (lab) => {
      assert.equal(await lab.store.lastPosition(), 0);
      await filled(lab);
      const events = await lab.store.events({ limit: 100 });
      assert.deepEqual(
        events.map(({ subject, seq, type }) => `${subject} ${seq} ${type}`),
        [
          'wf_1 1 workflow.created',
          'tsk_1 1 task.created',
          'tsk_2 1 task.created',
          'tsk_1 2 task.claimed',
          'wf_1 2 workflow.started',
          'tsk_1 3 task.completed',
          'wf_1 3 workflow.completed',
          'wf_1 4 workflow.settled',
        ],
      );
      assert.equal(await lab.store.lastPosition(), events.at(-1)?.position);
    });

    test('are read by subject, by type, behind a position, and up to a limit', async (lab) => {
      await filled(lab);
      const all = await lab.store.events({ limit: 100 });
      const third = all[2]?.position ?? 0;
      assert.deepEqual(await lab.store.events({ after: third, limit: 100 }), all.slice(3));
      assert.deepEqual(await lab.store.events({ after: third, limit: 2 }), all.slice(3, 5));
      assert.deepEqual(await lab.store.events({ limit: 0 }), []);
      const ofTask = all.filter(({ subject }) => subject === 'tsk_1');
      assert.deepEqual(await lab.store.events({ subject: 'tsk_1', limit: 100 }), ofTask);
      assert.deepEqual(await lab.store.events({ subject: 'tsk_1', after: third, limit: 1 }), ofTask.slice(1, 2));
      const types = ['task.created', 'workflow.settled'] as const;
      assert.deepEqual(
        await lab.store.events({ types, limit: 100 }),
        all.filter(({ type }) => (types as readonly string[]).includes(type)),
      );
      assert.deepEqual(
        await lab.store.events({ subject: 'tsk_1', types: ['task.completed'], limit: 100 }),
        ofTask.slice(2),
      );
      assert.deepEqual(await lab.store.events({ types: [], limit: 100 }), []);
      assert.deepEqual(await lab.store.events({ subject: 'tsk_9', limit: 100 }), []);
      assert.deepEqual(await lab.store.events({ after: all.at(-1)?.position ?? 0, limit: 100 }), []);
    });

    test('carry the workflow of their task', async (lab) => {
      await filled(lab);
      assert.deepEqual(
        (await lab.events('tsk_1')).map(({ workflowId }) => workflowId),
        ['wf_1', 'wf_1', 'wf_1'],
      );
      assert.equal((await lab.lastEvent('tsk_2')).workflowId, undefined);
    });

    test('that a reader has passed are never followed by an earlier one, however many write', async (lab) => {
      const writes = Array.from({ length: 100 }, (_, index) => lab.create(`tsk_${index}`));
      const seen: number[] = [];
      const read = async (): Promise<void> => {
        const next = await lab.store.events({ after: seen.at(-1) ?? 0, limit: 7 });
        seen.push(...next.map(({ position }) => position));
      };
      const readings = (async () => {
        for (let round = 0; round < 50; round++) await read();
      })();
      await Promise.all([...writes, readings]);
      while (seen.length < 100) {
        const before = seen.length;
        await read();
        assert.ok(seen.length > before, 'an event was skipped');
      }
      const all = await lab.store.events({ limit: 1_000 });
      assert.deepEqual(
        seen,
        all.map(({ position }) => position),
      );
    });
  });

  group('loads', () => {
    test('count running attempts and what is queued, by agent', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      for (const id of ['a', 'b']) await lab.run({ type: 'registerAgent', config: newAgentConfig(id) });
      const add = async (count: number, agentId: string | null): Promise<void> => {
        const start = await lab.store.lastPosition();
        const create = (_: unknown, index: number): Command => {
          const task = newTask(`tsk_${agentId ?? ''}_${start + index}`, { agentId });
          return { type: 'createTask', task, submit: true };
        };
        await lab.run(...Array.from({ length: count }, create));
      };
      await add(5, 'a');
      await add(1_100, 'b');
      await lab.claim('wrk_1', ['a'], 2);
      await add(2, null);
      const loads = await lab.store.loads();
      assert.deepEqual(loads.get('a'), { running: 2, queued: 3 });
      assert.deepEqual(loads.get('b'), { running: 0, queued: 1_000 });
      assert.deepEqual(
        [...loads]
          .filter(([, load]) => load.running + load.queued > 0)
          .map(([id]) => id)
          .sort(),
        ['a', 'b'],
      );
    });

    test('do not count what nobody can take now: held, bound, finished', async (lab) => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_held', { workflowId: 'wf_1', agentId: 'a' });
      await lab.run(
        { type: 'pauseWorkflow', id: 'wf_1' },
        { type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 },
      );
      await lab.running('tsk_bound');
      await lab.fail('tsk_bound', { bindTo: 'wrk_1' });
      await lab.running('tsk_finished');
      await lab.complete('tsk_finished');
      assert.deepEqual((await lab.store.loads()).get('a') ?? { running: 0, queued: 0 }, { running: 0, queued: 0 });
    });
  });

  group('what a store returns', () => {
    test('is a copy: changing it does not change the store', async (lab) => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a', { cost: { of: ['one'] } }) });
      await lab.openWorker('wrk_1', ['a']);
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      const retry = { maxRetries: 2 };
      await lab.submit('tsk_1', {
        agentId: 'a',
        tags: ['one'],
        requirements: { capabilities: ['one'] },
        retry,
        workflowId: 'wf_1',
      });
      const look = async (): Promise<readonly unknown[]> => [
        await lab.task('tsk_1'),
        await lab.store.listTasks({ limit: 10 }),
        await lab.workflow('wf_1'),
        await lab.store.events({ limit: 100 }),
        await lab.store.steps('tsk_1', 'a'),
        await lab.store.agents(),
        await lab.store.worker('wrk_1'),
        await lab.store.holding('wrk_1'),
        [...(await lab.store.loads())],
      ];
      spoil(await lab.claim('wrk_1', ['a']));
      const step: Command = {
        type: 'recordStep',
        step: { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: '1', inputHash: null, at: 0 },
      };
      await lab.run(step);
      await lab.state.set('key', { of: ['one'] }, 0);
      const before = structuredClone(await look());
      for (const value of await look()) spoil(value);
      spoil(await lab.state.get('key'));
      spoil(await lab.answer({ type: 'submitTask', id: 'tsk_1', dueAt: 1 }));
      spoil(await lab.renew('wrk_1', ['a']));
      assert.deepEqual(await look(), before);
      assert.deepEqual(await lab.state.get('key'), { value: { of: ['one'] }, version: 1 });
    });

    test('does not follow what was passed in when that is changed later', async (lab) => {
      const task = newTask('tsk_1', {
        tags: ['one'],
        retry: { maxRetries: 1 },
        requirements: { capabilities: ['one'] },
      });
      const config = newAgentConfig('a', { capabilities: ['one'] });
      const value = { of: ['one'] };
      const hosts = ['a'];
      await lab.run({ type: 'createTask', task, submit: true }, { type: 'registerAgent', config });
      await lab.store.openWorker({ id: 'wrk_1', hosts, leaseMs: 10_000, renewMs: 3_000 });
      await lab.state.set('key', value, 0);
      const look = async (): Promise<string> =>
        JSON.stringify([
          await lab.task('tsk_1'),
          await lab.store.agents(),
          await lab.store.worker('wrk_1'),
          await lab.state.get('key'),
        ]);
      const before = await look();
      for (const passed of [task, config, value, hosts]) spoil(passed);
      assert.equal(await look(), before);
    });
  });

  group('state', () => {
    test('is written where the version still is the one that was read', async (lab) => {
      assert.equal(await lab.state.get('key'), undefined);
      assert.equal(await lab.state.set('key', { n: 1 }, 1), false);
      assert.equal(await lab.state.set('key', { n: 1 }, 0), true);
      assert.deepEqual(await lab.state.get('key'), { value: { n: 1 }, version: 1 });
      assert.equal(await lab.state.set('key', { n: 2 }, 0), false);
      assert.equal(await lab.state.set('key', { n: 2 }, 1), true);
      assert.deepEqual(await lab.state.get('key'), { value: { n: 2 }, version: 2 });
      assert.equal(await lab.state.get('other'), undefined);
    });

    test('is won by one of many who write at the same moment', async (lab) => {
      const written = await Promise.all(Array.from({ length: 20 }, (_, index) => lab.state.set('key', index, 0)));
      assert.equal(written.filter(Boolean).length, 1);
      assert.deepEqual(await lab.state.get('key'), { value: written.indexOf(true), version: 1 });
    });

    test('holds every kind of JSON value', async (lab) => {
      const values = [
        null,
        false,
        0,
        -1.5e-7,
        '',
        'a\u0000b\ud800🎻',
        [],
        [[1], { a: null }],
        {},
        { 'ключ 🎻': [true] },
      ];
      for (const [index, value] of values.entries()) {
        await lab.state.set(`key ${index}`, value, 0);
        assert.deepEqual(await lab.state.get(`key ${index}`), { value, version: 1 });
      }
    });
  });
}

/** Changes everything that can be reached in a value. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    value.forEach(spoil);
    value.push('spoilt');
    return;
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    spoil(object[key]);
    if (typeof object[key] !== 'object') object[key] = 'spoilt';
  }
  object['spoilt'] = true;
}
