import { beforeEach, describe, expect, it } from 'vitest';
import { World } from '../test/world.ts';
import { toAgentConfig, type Command } from './index.ts';

let world: World;
beforeEach(() => void (world = new World()));

const register = (description = ''): Command => ({
  type: 'registerAgent',
  config: toAgentConfig({ id: 'ada', description }),
});
const enable = (enabled: boolean): Command => ({ type: 'enableAgent', id: 'ada', enabled });
const remove: Command = { type: 'removeAgent', id: 'ada' };

function expectRefused(code: string, ...commands: readonly Command[]): void {
  const before = world.tables.dump();
  expect(world.try(...commands)).toMatchObject({ status: 'error', code });
  expect(world.tables.dump()).toEqual(before);
}

describe('enabling and disabling an agent', () => {
  it('is a fact each time that something changes, and none otherwise', () => {
    world.do(register());
    for (const enabled of [true, false, false, true]) world.do(enable(enabled));
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.disabled', 'agent.enabled']);
    expect(world.tables.agent('ada')).toMatchObject({ enabled: true, lastSeq: 3 });
  });

  it('needs one that is in the catalogue, be it since this very group', () => {
    expectRefused('AGENT_NOT_FOUND', enable(false));
    world.do(register(), enable(false), register('other'));
    expect(world.tables.agent('ada')).toMatchObject({ enabled: false, config: { description: 'other' } });
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.disabled', 'agent.changed']);
  });
});

describe('removing an agent', () => {
  beforeEach(() => void world.do(register()));

  it('takes it out of the catalogue and leaves a row that continues its log', () => {
    world.do(remove);
    expect(world.tables.agent('ada')).toMatchObject({ removed: true, lastSeq: 2 });
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.removed']);
    expectRefused('AGENT_NOT_FOUND', remove);
    expectRefused('AGENT_NOT_FOUND', enable(true));
  });

  it('is refused while a worker hosts it, naming the worker, and possible once that is gone', () => {
    world.openWorker('w1', ['bob', 'ada']);
    const before = world.tables.dump();
    expect(world.try(remove)).toMatchObject({ code: 'AGENT_HOSTED', details: { agentId: 'ada', workerId: 'w1' } });
    expect(world.tables.dump()).toEqual(before);
    world.closeWorker('w1');
    world.do(remove);
  });

  it('is refused for one that was never there', () => {
    expectRefused('AGENT_NOT_FOUND', { type: 'removeAgent', id: 'bob' });
  });

  it('and registering it again is a new beginning with the old log: enabled, and never hosted', () => {
    world.openWorker('w1');
    world.closeWorker('w1');
    world.do(enable(false));
    world.do(remove);
    world.do(register());
    expect(world.tables.agent('ada')).toMatchObject({ enabled: true, removed: false, unhostedSince: 0, lastSeq: 4 });
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.disabled', 'agent.removed', 'agent.registered']);
    expect(world.tables.events.filter(({ subject }) => subject === 'agent:ada').map(({ seq }) => seq)).toEqual([
      1, 2, 3, 4,
    ]);
  });

  it('gives what it has not started to others at the next sweep', () => {
    world.assigned('t1', 'ada');
    world.do(remove);
    world.sweep();
    expect(world.lastEvent('t1')).toEqual({
      type: 'task.unassigned',
      data: { agentId: 'ada', reason: 'the agent was removed' },
    });
  });
});
