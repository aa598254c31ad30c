import { describe, expect, it } from 'vitest';
import { AgentManager } from '@symphony/tracker';
import { Lab } from '../test/lab.ts';

describe('the catalogue of agents', () => {
  it('keeps what was registered last, and says in its log what happened', async () => {
    await using lab = new Lab();
    const agents = new AgentManager({ store: lab.store });
    await agents.registerAgent({ id: 'ada', capabilities: ['add'] });
    await agents.registerAgent({ id: 'ada', capabilities: ['add', 'carry'], limits: { concurrency: 2 } });
    expect(await agents.disableAgent('ada')).toMatchObject({ enabled: false });
    expect(await agents.disableAgent('ada')).toMatchObject({ enabled: false });
    expect(await agents.enableAgent('ada')).toMatchObject({
      enabled: true,
      hosted: false,
      config: { id: 'ada', capabilities: ['add', 'carry'], limits: { concurrency: 2 } },
    });
    await agents.removeAgent('ada');
    expect(await agents.getAgent('ada')).toBeUndefined();
    await agents.registerAgent({ id: 'ada' });
    expect((await agents.history('ada')).map(({ type, seq }) => [type, seq])).toEqual([
      ['agent.registered', 1],
      ['agent.changed', 2],
      ['agent.disabled', 3],
      ['agent.enabled', 4],
      ['agent.removed', 5],
      ['agent.registered', 6],
    ]);
  });

  it('lists by id, narrowed and a page at a time', async () => {
    await using lab = new Lab();
    const agents = new AgentManager({ store: lab.store });
    for (const id of ['bob', 'ada', 'cy'])
      await agents.registerAgent({ id, capabilities: id === 'cy' ? ['sing'] : [] });
    await agents.disableAgent('bob');
    const ids = async (query?: Parameters<AgentManager['listAgents']>[0]): Promise<readonly string[]> =>
      (await agents.listAgents(query)).map(({ config }) => config.id);
    expect(await ids()).toEqual(['ada', 'bob', 'cy']);
    expect(await ids({ enabled: false })).toEqual(['bob']);
    expect(await ids({ capability: 'sing' })).toEqual(['cy']);
    expect(await ids({ hosted: true })).toEqual([]);
    expect(await ids({ limit: 2 })).toEqual(['ada', 'bob']);
    expect(await ids({ after: 'bob' })).toEqual(['cy']);
  });

  it('does not remove an agent that a live worker hosts', async () => {
    await using lab = new Lab();
    const agents = new AgentManager({ store: lab.store });
    await agents.registerAgent({ id: 'ada' });
    await lab.inner.openWorker({ id: 'wrk_1', hosts: ['ada'], leaseMs: 10_000, renewMs: 3_000 });
    await expect(agents.removeAgent('ada')).rejects.toMatchObject({ code: 'AGENT_HOSTED' });
    await lab.inner.closeWorker('wrk_1');
    await agents.removeAgent('ada');
  });

  it.each([
    ['enableAgent', 'AGENT_NOT_FOUND'],
    ['disableAgent', 'AGENT_NOT_FOUND'],
    ['removeAgent', 'AGENT_NOT_FOUND'],
    ['history', 'AGENT_NOT_FOUND'],
  ] as const)('%s of an unknown agent is %s', async (method, code) => {
    await using lab = new Lab();
    const agents = new AgentManager({ store: lab.store });
    await expect(agents[method]('nobody')).rejects.toMatchObject({ code });
  });

  it.each([
    [{ enabled: 'yes' as never }, 'enabled must be true or false, got "yes"'],
    [{ hosted: 1 as never }, 'hosted must be true or false, got 1'],
    [{ limit: 0 }, 'limit'],
    [{ status: 'enabled' } as never, 'listAgents has no option "status"'],
    [{ name: 'ada' } as never, 'listAgents has no option "name"'],
  ])('listAgents refuses %j', async (query, message) => {
    await using lab = new Lab();
    const agents = new AgentManager({ store: lab.store });
    await expect(agents.listAgents(query)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });
});
