import assert from 'node:assert/strict';
import { again } from './again.ts';
import { checkInvariants } from './invariants.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** What a removal leaves behind: nothing, also not in a store that is opened again, except that numbers go on. */
export function outliving({ subject, group, test }: Suite): void {
  const volatile =
    subject.traits.durability === 'none' && 'traits.durability is none: what this store holds ends with it';

  group('what was removed', () => {
    test('leaves the positions of events going on where they were', async (lab) => {
      const last = await removed(lab);
      await lab.submit('tsk_new');
      assert.ok((await lab.lastEvent('tsk_new')).position > last, 'a follower would never read this event');
    });

    test(
      'is gone when the store is opened again, and positions go on where they were',
      async (lab) => {
        const last = await removed(lab);
        await lab.submit('tsk_stays', { idempotencyKey: 'another' });
        await lab.store.close();
        await again(subject, lab, async (other) => {
          const { tasks } = await checkInvariants(other.store);
          assert.deepEqual(tasks.map(({ id }) => id), ['tsk_stays']); // prettier-ignore
          assert.deepEqual(await other.store.steps('tsk_old', 'a'), []);
          assert.equal(await other.store.worker('wrk_1'), undefined);
          assert.equal((await other.store.stats()).workers, 0);
          assert.deepEqual(await other.store.events({ subject: 'tsk_old', limit: 100 }), []);
          await other.submit('tsk_new', { idempotencyKey: 'key' });
          assert.ok((await other.lastEvent('tsk_new')).position > last, 'a follower would never read this event');
        });
      },
      { skip: volatile },
    );

    test(
      'is gone when the store is opened again, also if nothing else was written since',
      async (lab) => {
        const last = await removed(lab);
        await lab.store.close();
        await again(subject, lab, async (other) => {
          assert.deepEqual((await checkInvariants(other.store)).tasks, []);
          await other.submit('tsk_new', { idempotencyKey: 'key' });
          assert.ok((await other.lastEvent('tsk_new')).position > last, 'a follower would never read this event');
        });
      },
      { skip: volatile },
    );
  });

  /** Stores a task with all that belongs to one, ends it and removes it; answers with the last position there was. */
  async function removed(lab: Lab): Promise<number> {
    await lab.running('tsk_old', 'wrk_1', 'a', { idempotencyKey: 'key' });
    const step = {
      taskId: 'tsk_old',
      agentId: 'a',
      identity: 'one#1',
      attempt: 1,
      output: '1',
      inputHash: null,
      at: 0,
    };
    await lab.run({ type: 'recordStep', step });
    await lab.complete('tsk_old');
    await lab.store.closeWorker('wrk_1');
    const last = await lab.store.lastPosition();
    await lab.clock.advance(1_000);
    assert.equal((await lab.store.prune({ olderThanMs: 0, limit: 10 })).tasks, 1);
    return last;
  }
}
