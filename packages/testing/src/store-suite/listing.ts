import assert from 'node:assert/strict';
import type { Command, TaskQuery, WorkflowQuery } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** Lists: what each filter means, that filters narrow each other, and pages in both orders. */
export function listing({ group, test }: Suite): void {
  const tasks = async (lab: Lab, query: Partial<TaskQuery> = {}): Promise<readonly string[]> =>
    (await lab.store.listTasks({ limit: 1_000, ...query })).map(({ id }) => id);
  const workflows = async (lab: Lab, query: Partial<WorkflowQuery> = {}): Promise<readonly string[]> =>
    (await lab.store.listWorkflows({ limit: 1_000, ...query })).map(({ id }) => id);
  const createWorkflow = (id: string, name = 'workflow'): Command => ({
    type: 'createWorkflow',
    workflow: newWorkflow(id, { name }),
  });

  group('a list of tasks', () => {
    test('narrows by name, exactly as it was given', async (lab) => {
      for (const [id, name] of [
        ['tsk_1', 'job'],
        ['tsk_2', 'Job'],
        ['tsk_3', 'jo'],
        ['tsk_4', 'j%'],
        ['tsk_5', 'job'],
      ] as const)
        await lab.create(id, { name });
      assert.deepEqual(await tasks(lab, { name: 'job' }), ['tsk_1', 'tsk_5']);
      assert.deepEqual(await tasks(lab, { name: 'j%' }), ['tsk_4']);
      assert.deepEqual(await tasks(lab, { name: 'none' }), []);
    });

    test('narrows by tag, whatever characters that has', async (lab) => {
      await lab.create('tsk_1', { tags: ['a', 'b'] });
      await lab.create('tsk_2', { tags: ['b'] });
      await lab.create('tsk_3', { tags: ['A', 'a b', '"', '1'] });
      await lab.create('tsk_4', { tags: ['ü🎻', "o'clock", '%'] });
      await lab.create('tsk_5');
      assert.deepEqual(await tasks(lab, { tag: 'a' }), ['tsk_1']);
      assert.deepEqual(await tasks(lab, { tag: 'b' }), ['tsk_1', 'tsk_2']);
      for (const tag of ['A', 'a b', '"', '1']) assert.deepEqual(await tasks(lab, { tag }), ['tsk_3'], tag);
      for (const tag of ['ü🎻', "o'clock", '%']) assert.deepEqual(await tasks(lab, { tag }), ['tsk_4'], tag);
      assert.deepEqual(await tasks(lab, { tag: 'none' }), []);
    });

    test('narrows by ids, in the order of the list and not of the question', async (lab) => {
      for (const id of ['tsk_1', 'tsk_2', 'tsk_3']) await lab.create(id);
      assert.deepEqual(await tasks(lab, { ids: ['tsk_3', 'tsk_none', 'tsk_1', 'tsk_3'] }), ['tsk_1', 'tsk_3']);
      assert.deepEqual(await tasks(lab, { ids: [] }), []);
      const many = Array.from({ length: 1_000 }, (_, index) => `tsk_${index + 2}`);
      assert.deepEqual(await tasks(lab, { ids: many }), ['tsk_2', 'tsk_3']);
    });

    test('narrows by when they were created: from a moment on, before a moment', async (lab) => {
      const begin = lab.clock.now();
      for (const id of ['tsk_1', 'tsk_2', 'tsk_3']) {
        await lab.create(id);
        await lab.clock.advance(10);
      }
      assert.deepEqual(await tasks(lab, { createdFrom: begin + 10 }), ['tsk_2', 'tsk_3']);
      assert.deepEqual(await tasks(lab, { createdFrom: begin + 11 }), ['tsk_3']);
      assert.deepEqual(await tasks(lab, { createdBefore: begin + 10 }), ['tsk_1']);
      assert.deepEqual(await tasks(lab, { createdBefore: begin + 11 }), ['tsk_1', 'tsk_2']);
      assert.deepEqual(await tasks(lab, { createdFrom: begin + 10, createdBefore: begin + 20 }), ['tsk_2']);
      assert.deepEqual(await tasks(lab, { createdFrom: begin + 10, createdBefore: begin + 10 }), []);
    });

    test('comes oldest first or newest first, by pages, without repeats or gaps', async (lab) => {
      const expected = Array.from({ length: 23 }, (_, index) => `tsk_${String(index).padStart(2, '0')}`);
      for (const id of expected) await lab.create(id, { tags: [Number(id.slice(4)) % 2 === 0 ? 'even' : 'odd'] });
      const even = expected.filter((_, index) => index % 2 === 0);
      for (const order of ['ascending', 'descending'] as const) {
        const meant = (list: readonly string[]): readonly string[] =>
          order === 'ascending' ? list : list.toReversed();
        assert.deepEqual(await pages((page) => tasks(lab, { order, limit: 5, ...page })), meant(expected));
        assert.deepEqual(await pages((page) => tasks(lab, { order, limit: 4, tag: 'even', ...page })), meant(even));
        assert.deepEqual(await tasks(lab, { order, limit: 0 }), []);
      }
      assert.deepEqual(await tasks(lab, { order: 'descending', after: 'tsk_02' }), ['tsk_01', 'tsk_00']);
      assert.deepEqual(await tasks(lab, { order: 'descending', after: 'tsk_02x' }), ['tsk_02', 'tsk_01', 'tsk_00']);
      assert.deepEqual(await tasks(lab, { order: 'descending', after: 'tsk_00' }), []);
      assert.deepEqual(await tasks(lab, { after: 'tsk_22' }), []);
    });

    test('narrows by all filters together', async (lab) => {
      await lab.run(createWorkflow('wf_1'));
      const begin = lab.clock.now();
      const like = { name: 'job', tags: ['x'], workflowId: 'wf_1', agentId: 'a' };
      await lab.create('tsk_early', like);
      await lab.clock.advance(10);
      await lab.create('tsk_1', like);
      await lab.create('tsk_2', { ...like, name: 'other' });
      await lab.create('tsk_3', { ...like, tags: ['y'] });
      await lab.create('tsk_4', { ...like, workflowId: null });
      await lab.create('tsk_5', { ...like, agentId: 'b' });
      await lab.create('tsk_6', like);
      await lab.run({ type: 'cancelTask', id: 'tsk_6', graceMs: 0 });
      await lab.create('tsk_7', like);
      await lab.create('tsk_8', like);
      await lab.clock.advance(10);
      await lab.create('tsk_9', like);
      const query: Partial<TaskQuery> = {
        name: 'job',
        tag: 'x',
        workflowId: 'wf_1',
        agentId: 'a',
        status: ['pending'],
        ids: ['tsk_early', ...Array.from({ length: 9 }, (_, index) => `tsk_${index + 1}`)].filter(
          (id) => id !== 'tsk_8',
        ),
        createdFrom: begin + 10,
        createdBefore: begin + 20,
      };
      assert.deepEqual(await tasks(lab, query), ['tsk_1', 'tsk_7']);
      assert.deepEqual(await tasks(lab, { ...query, order: 'descending' }), ['tsk_7', 'tsk_1']);
      assert.deepEqual(await tasks(lab, { ...query, order: 'descending', after: 'tsk_7' }), ['tsk_1']);
      assert.deepEqual(await tasks(lab, { ...query, limit: 1 }), ['tsk_1']);
      assert.deepEqual(await tasks(lab, { ...query, after: 'tsk_1', limit: 1 }), ['tsk_7']);
    });
  });

  group('a list of workflows', () => {
    test('has whole rows, by id, and is empty where there is none', async (lab) => {
      assert.deepEqual(await workflows(lab), []);
      for (const id of ['wf_2', 'wf_1', 'wf_10']) await lab.run(createWorkflow(id));
      assert.deepEqual(await workflows(lab), ['wf_1', 'wf_10', 'wf_2']);
      assert.deepEqual((await lab.store.listWorkflows({ limit: 1 }))[0], await lab.workflow('wf_1'));
    });

    test('narrows by status, which is a function of their tasks', async (lab) => {
      for (const id of ['wf_1', 'wf_2', 'wf_3', 'wf_4', 'wf_5', 'wf_6']) await lab.run(createWorkflow(id));
      const run = (id: string): Promise<unknown> => lab.running(`tsk_${id}`, 'wrk_1', 'a', { workflowId: id });
      for (const id of ['wf_2', 'wf_3', 'wf_4']) await run(id);
      await lab.complete('tsk_wf_3');
      await lab.fail('tsk_wf_4', { retryable: false });
      await lab.run({ type: 'pauseWorkflow', id: 'wf_5' });
      await lab.run({ type: 'cancelWorkflow', id: 'wf_6' });
      for (const [status, id] of [
        ['pending', 'wf_1'],
        ['running', 'wf_2'],
        ['completed', 'wf_3'],
        ['failed', 'wf_4'],
        ['paused', 'wf_5'],
        ['cancelled', 'wf_6'],
      ] as const)
        assert.deepEqual(await workflows(lab, { status: [status] }), [id], status);
      assert.deepEqual(await workflows(lab, { status: ['failed', 'pending'] }), ['wf_1', 'wf_4']);
      assert.deepEqual(await workflows(lab, { status: [] }), []);
    });

    test('comes oldest first or newest first, by pages that are full though few are meant', async (lab) => {
      const all = Array.from({ length: 30 }, (_, index) => `wf_${String(index).padStart(2, '0')}`);
      for (const id of all) await lab.run(createWorkflow(id));
      const paused = all.filter((_, index) => index % 7 === 3);
      for (const id of paused) await lab.run({ type: 'pauseWorkflow', id });
      for (const order of ['ascending', 'descending'] as const) {
        const meant = (list: readonly string[]): readonly string[] =>
          order === 'ascending' ? list : list.toReversed();
        assert.deepEqual(await pages((page) => workflows(lab, { order, limit: 4, ...page })), meant(all));
        const query = { order, limit: 2, status: ['paused'] } as const;
        assert.deepEqual(await workflows(lab, query), meant(paused).slice(0, 2));
        assert.deepEqual(await pages((page) => workflows(lab, { ...query, ...page })), meant(paused));
        assert.deepEqual(await workflows(lab, { order, limit: 0, status: ['paused'] }), []);
      }
      assert.deepEqual(await workflows(lab, { order: 'descending', after: 'wf_00' }), []);
      assert.deepEqual(await workflows(lab, { after: 'wf_29' }), []);
    });

    test('narrows by name, by when they were created and by status, alone and together', async (lab) => {
      const begin = lab.clock.now();
      for (const [id, name] of [
        ['wf_1', 'x'],
        ['wf_2', 'y'],
        ['wf_3', 'x'],
        ['wf_4', 'x'],
      ] as const) {
        await lab.run(createWorkflow(id, name));
        await lab.clock.advance(10);
      }
      await lab.run({ type: 'pauseWorkflow', id: 'wf_3' });
      assert.deepEqual(await workflows(lab, { name: 'x' }), ['wf_1', 'wf_3', 'wf_4']);
      assert.deepEqual(await workflows(lab, { createdFrom: begin + 10 }), ['wf_2', 'wf_3', 'wf_4']);
      assert.deepEqual(await workflows(lab, { createdBefore: begin + 10 }), ['wf_1']);
      const query: Partial<WorkflowQuery> = { name: 'x', createdFrom: begin + 10, createdBefore: begin + 31 };
      assert.deepEqual(await workflows(lab, query), ['wf_3', 'wf_4']);
      assert.deepEqual(await workflows(lab, { ...query, status: ['paused'] }), ['wf_3']);
      assert.deepEqual(await workflows(lab, { ...query, order: 'descending', after: 'wf_4' }), ['wf_3']);
    });
  });

  group('the events of a workflow', () => {
    test('are its own and those of its tasks since they belong to it, in the order of positions', async (lab) => {
      await lab.run(createWorkflow('wf_1'), createWorkflow('wf_2'));
      await lab.create('tsk_1');
      await lab.create('tsk_2', { workflowId: 'wf_2' });
      await lab.run({ type: 'addTask', workflowId: 'wf_1', taskId: 'tsk_1' });
      await lab.start('tsk_1');
      await lab.complete('tsk_1');
      const events = await lab.store.events({ workflowId: 'wf_1', limit: 100 });
      assert.deepEqual(
        events.map(({ subject, type }) => `${subject} ${type}`),
        [
          'wf_1 workflow.created',
          'tsk_1 task.added_to_workflow',
          'tsk_1 task.claimed',
          'wf_1 workflow.started',
          'tsk_1 task.completed',
          'wf_1 workflow.completed',
          'wf_1 workflow.settled',
        ],
      );
      assert.deepEqual(await lab.store.events({ workflowId: 'wf_1', limit: 2 }), events.slice(0, 2));
      const after = events[2]?.position ?? 0;
      assert.deepEqual(await lab.store.events({ workflowId: 'wf_1', after, limit: 2 }), events.slice(3, 5));
      assert.deepEqual(
        await lab.store.events({ workflowId: 'wf_1', types: ['task.claimed', 'workflow.settled'], limit: 9 }),
        [events[2], events[6]],
      );
      assert.deepEqual(
        await lab.store.events({ workflowId: 'wf_1', subject: 'tsk_1', limit: 9 }),
        events.filter(({ subject }) => subject === 'tsk_1'),
      );
      assert.deepEqual(await lab.store.events({ workflowId: 'wf_none', limit: 9 }), []);
      assert.deepEqual(await lab.store.events({ workflowId: 'wf_2', subject: 'tsk_1', limit: 9 }), []);
    });
  });

  group('many tasks', () => {
    test('are listed from any place in either order as fast as few', async (lab) => {
      const count = 3_000;
      const id = (index: number): string => `tsk_${String(index).padStart(5, '0')}`;
      await lab.run(
        ...Array.from({ length: count }, (_, index): Command => {
          return { type: 'createTask', task: newTask(id(index)), submit: false };
        }),
      );
      assert.deepEqual(await tasks(lab, { after: id(1_500), limit: 2 }), [id(1_501), id(1_502)]);
      assert.deepEqual(await tasks(lab, { after: id(1_500), limit: 2, order: 'descending' }), [id(1_499), id(1_498)]);
      assert.equal((await pages((page) => tasks(lab, { order: 'descending', ...page }))).length, count);
    });
  });
}

/** Reads page after page, each behind the last id of the one before, until one is empty. */
async function pages(
  read: (page: { readonly after?: string }) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const seen: string[] = [];
  for (;;) {
    const last = seen.at(-1);
    const page = await read(last === undefined ? {} : { after: last });
    if (page.length === 0) return seen;
    seen.push(...page);
  }
}
