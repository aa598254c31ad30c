import assert from 'node:assert/strict';
import { SymphonyError, type Command, type Store } from '@symphony/core';
import { newTask } from '../builders.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { again } from './again.ts';
import { checkInvariants } from './invariants.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** The store itself: its bell, its end, and what outlives it. */
export function living({ subject, group, test }: Suite): void {
  const { traits } = subject;
  const create = (id: string): Command => ({ type: 'createTask', task: newTask(id, { agentId: 'a' }), submit: true });
  const volatile = traits.durability === 'none' && 'traits.durability is none: what this store holds ends with it';
  const alone = !traits.multiProcess && 'traits.multiProcess is false: this store cannot be opened twice';

  group('a store', () => {
    test('says what it can do', async (lab) => {
      assert.deepEqual(lab.store.traits, traits);
    });

    test('rings after a commit', async (lab) => {
      const bell = ringing(lab.store);
      await lab.submit('tsk_1');
      await lab.clock.advanceUntil(bell.rung, { limitMs: 2_000 });
      bell.stop();
    });

    test('rings after each of several commits, and when a sweep frees something', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(1_000);
      for (const action of [() => lab.submit('tsk_2'), () => lab.die('wrk_1')]) {
        const bell = ringing(lab.store);
        await action();
        await lab.clock.advanceUntil(bell.rung, { limitMs: 2_000 });
        bell.stop();
      }
    });

    test('does not ring for who has stopped listening', async (lab) => {
      const first = ringing(lab.store);
      const second = ringing(lab.store);
      first.stop();
      await lab.submit('tsk_1');
      await lab.clock.advanceUntil(second.rung, { limitMs: 2_000 });
      assert.equal(first.count(), 0);
      second.stop();
      second.stop();
    });

    test('has carried out what was committed when it rings', async (lab) => {
      let seen: boolean | undefined;
      const bell = ringing(lab.store, async () => (seen ??= (await lab.store.getTask('tsk_1')) !== undefined));
      await lab.submit('tsk_1');
      await lab.clock.advanceUntil(bell.rung, { limitMs: 2_000 });
      await lab.clock.advanceUntil(() => seen !== undefined);
      assert.equal(seen, true);
      bell.stop();
    });
  });

  group('closing a store', () => {
    test('twice is harmless', async (lab) => {
      await lab.submit('tsk_1');
      await Promise.all([lab.store.close(), lab.store.close()]);
      await lab.store.close();
    });

    test('waits for what is under way', async (lab) => {
      const results = Array.from({ length: 30 }, (_, index) => lab.answer(create(`tsk_${index}`)));
      const closed = lab.store.close();
      for (const result of await Promise.all(results)) assert.equal(result.status, 'ok');
      await closed;
    });

    test('makes every member refuse with STORE_CLOSED', async (lab) => {
      const { store } = lab;
      await store.close();
      const worker = { id: 'wrk_1', hosts: [], leaseMs: 10_000, renewMs: 3_000 };
      const calls: { readonly [member: string]: () => Promise<unknown> } = {
        commit: () => store.commit({ groups: [[create('tsk_1')]] }),
        getTask: () => store.getTask('tsk_1'),
        listTasks: () => store.listTasks({ limit: 1 }),
        getWorkflow: () => store.getWorkflow('wf_1'),
        events: () => store.events({ limit: 1 }),
        lastPosition: () => store.lastPosition(),
        steps: () => store.steps('tsk_1', 'a'),
        agents: () => store.agents(),
        loads: () => store.loads(),
        openWorker: () => store.openWorker(worker),
        renew: () => store.renew(worker),
        holding: () => store.holding('wrk_1'),
        closeWorker: () => store.closeWorker('wrk_1'),
        worker: () => store.worker('wrk_1'),
        sweep: () => store.sweep({ markDead: true }),
        'state.get': () => store.state.get('key'),
        'state.set': () => store.state.set('key', 1, 0),
      };
      for (const [member, call] of Object.entries(calls)) {
        const error = await call().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert.ok(SymphonyError.is(error, 'STORE_CLOSED'), `${member} after close: ${String(error)}`);
      }
    });

    test('silences the bell', async (lab) => {
      const bell = ringing(lab.store);
      await lab.store.close();
      await lab.clock.advance(10_000);
      assert.equal(bell.count(), 0);
    });
  });

  group('what was acknowledged', () => {
    test(
      'is there when the store is opened again, as it was',
      async (lab) => {
        await lab.running('tsk_1', 'wrk_1', 'a', { input: '{"n":1}' });
        await lab.run({
          type: 'recordStep',
          step: { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: '1', inputHash: null, at: 0 },
        });
        await lab.submit('tsk_2', { idempotencyKey: 'key' });
        await lab.state.set('key', { n: 1 }, 0);
        const look = async ({ store }: Lab): Promise<unknown> => [
          await checkInvariants(store),
          await store.steps('tsk_1', 'a'),
          await store.worker('wrk_1'),
          await store.state.get('key'),
        ];
        const before = await look(lab);
        await lab.store.close();
        await again(subject, lab, async (other) => {
          assert.deepEqual(await look(other), before);
          const key = newTask('tsk_3', { idempotencyKey: 'key' });
          const answer = await other.answer({ type: 'createTask', task: key, submit: true });
          assert.deepEqual(answer, { status: 'duplicate', id: 'tsk_2' });
          assert.equal((await other.renew('wrk_1', ['a'])).alive, true);
          await other.complete('tsk_1');
          await checkInvariants(other.store);
        });
      },
      { skip: volatile },
    );

    test(
      'while a store was closing is there when it is opened again',
      async (lab) => {
        const results = Array.from({ length: 30 }, (_, index) => lab.answer(create(`tsk_${index}`)));
        await lab.store.close();
        await Promise.all(results);
        await again(subject, lab, async (other) => {
          assert.equal((await other.store.listTasks({ limit: 100 })).length, 30);
        });
      },
      { skip: volatile },
    );
  });

  group('two open stores on the same records', () => {
    test(
      'see each other’s commits',
      async (lab) => {
        await again(subject, lab, async (other) => {
          await lab.submit('tsk_1');
          assert.deepEqual(await other.task('tsk_1'), await lab.task('tsk_1'));
          await other.submit('tsk_2');
          assert.deepEqual(await lab.task('tsk_2'), await other.task('tsk_2'));
          assert.equal(await lab.store.lastPosition(), await other.store.lastPosition());
        });
      },
      { skip: alone },
    );

    test(
      'ring for each other',
      async (lab) => {
        await again(subject, lab, async (other) => {
          const bell = ringing(other.store);
          await lab.submit('tsk_1');
          await rings(lab.clock, bell.rung);
          bell.stop();
        });
      },
      { skip: alone },
    );

    test(
      'never give one task to two workers, and never make one key two tasks',
      async (lab) => {
        await again(subject, lab, async (other) => {
          const ids = Array.from({ length: 40 }, (_, index) => `tsk_${String(index).padStart(2, '0')}`);
          await lab.run(...ids.map(create));
          await lab.openWorker('wrk_1', ['a']);
          await other.openWorker('wrk_2', ['a']);
          const claims = Array.from({ length: 10 }, () => [
            lab.claimedIds('wrk_1', ['a'], 3),
            other.claimedIds('wrk_2', ['a'], 3),
          ]);
          const taken = (await Promise.all(claims.flat())).flat();
          assert.deepEqual([...taken].sort(), ids);
          const keyed = Array.from({ length: 20 }, (_, index) => {
            const task = newTask(`tsk_key_${index}`, { idempotencyKey: 'key' });
            return (index % 2 === 0 ? lab : other).answer({ type: 'createTask', task, submit: true });
          });
          const made = (await Promise.all(keyed)).filter(({ status }) => status === 'ok');
          assert.equal(made.length, 1);
          await checkInvariants(other.store);
        });
      },
      { skip: alone },
    );

    test(
      'keep the fence: what one has lost, it cannot write',
      async (lab) => {
        await again(subject, lab, async (other) => {
          await lab.running('tsk_1');
          await other.die('wrk_1');
          await other.start('tsk_1', 'wrk_2');
          assert.deepEqual(await lab.report('tsk_1', 1, { type: 'complete', output: '1' }), { status: 'stale' });
          assert.deepEqual(await lab.renew('wrk_1', ['a']), { alive: false });
          await other.complete('tsk_1', '2');
          assert.equal((await lab.task('tsk_1')).output, '2');
        });
      },
      { skip: alone },
    );
  });
}

interface Bell {
  readonly rung: () => boolean;
  readonly count: () => number;
  readonly stop: () => void;
}

function ringing(store: Store, also: () => unknown = () => undefined): Bell {
  let count = 0;
  const stop = store.onChange(() => {
    count++;
    also();
  });
  return { rung: () => count > 0, count: () => count, stop };
}

/** A bell across processes may be rung by a thread or a file watcher, in its own time: virtual time is moved meanwhile. */
async function rings(clock: VirtualClock, rung: () => boolean): Promise<void> {
  const patience = performance.now() + 5_000;
  while (!rung() && performance.now() < patience) await clock.advance(10);
  assert.ok(rung(), 'the other store has not rung');
}
