import { describe, expect, it, vi } from 'vitest';
import {
  defineStrategy,
  RoutingStrategies,
  silentLogger,
  strategyApiVersion,
  type RankRequest,
  type RoutingDecision,
  type RoutingOutcome,
  type Schema,
  type StrategyPlugin,
  type StrategyServices,
  type Task,
} from './index.ts';

const services: StrategyServices = {
  clock: { now: () => 0, monotonic: () => 0, setTimer: () => () => undefined },
  logger: silentLogger,
  state: { get: async () => undefined, set: async () => true },
  create: (plugin, options) => (plugin as StrategyPlugin).create(options, services),
};

/** A schema that wants a limit from 1 up, and has a default for it. */
const limits: Schema<{ readonly limit: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { limit = 3 } = value as { readonly limit?: number };
      return limit >= 1 ? { value: { limit } } : { issues: [{ message: 'must be positive', path: ['limit'] }] };
    },
  },
};

const ranking = [{ agentId: 'ada', score: 1, reasons: ['first'] }];

describe('a strategy plugin', () => {
  it('carries the version of the contract and its name', () => {
    expect(defineStrategy({ name: 'mine', create: () => ({ rank: () => [] }) })).toMatchObject({
      apiVersion: strategyApiVersion,
      name: 'mine',
    });
  });

  it('creates a strategy under the plugin’s name and version, which ranks what it is asked', async () => {
    const rank = vi.fn(() => ranking);
    const plugin = defineStrategy({ name: 'mine', version: '1.2.0', create: () => ({ rank }) });
    const strategy = await plugin.create(undefined, services);
    const request = {} as RankRequest;
    expect(strategy).toMatchObject({ name: 'mine', version: '1.2.0' });
    expect(await strategy.rank(request)).toBe(ranking);
    expect(rank).toHaveBeenCalledExactlyOnceWith(request);
  });

  it('has no version unless it says one', async () => {
    const strategy = await defineStrategy({ name: 'mine', create: () => ({ rank: () => [] }) }).create(
      undefined,
      services,
    );
    expect('version' in strategy).toBe(false);
  });

  it('keeps the strategy’s own this, and passes its close on', async () => {
    class Counting {
      closed = 0;
      rank(): typeof ranking {
        return this.closed === 0 ? ranking : [];
      }
      close(): void {
        this.closed++;
      }
    }
    const own = new Counting();
    const strategy = await defineStrategy({ name: 'mine', create: async () => own }).create(undefined, services);
    expect(await strategy.rank({} as RankRequest)).toBe(ranking);
    await strategy.close?.();
    expect(own.closed).toBe(1);
  });

  it('can be closed without having a close', async () => {
    const strategy = await defineStrategy({ name: 'mine', create: () => ({ rank: () => [] }) }).create(
      undefined,
      services,
    );
    expect(await strategy.close?.()).toBeUndefined();
  });

  it('hears of outcomes and agents if it wants to, under its own this', async () => {
    class Curious {
      readonly heard: unknown[] = [];
      rank(): typeof ranking {
        return ranking;
      }
      outcome(...news: readonly unknown[]): void {
        this.heard.push(news);
      }
      agentsChanged(agents: readonly unknown[]): void {
        this.heard.push(agents);
      }
    }
    const own = new Curious();
    const strategy = await defineStrategy({ name: 'mine', create: () => own }).create(undefined, services);
    const [task, decision, result] = [{} as Task, {} as RoutingDecision, { status: 'completed' } as RoutingOutcome];
    await strategy.agentsChanged?.([]);
    await strategy.outcome?.(task, decision, result);
    expect(own.heard).toEqual([[], [task, decision, result]]);
  });

  it('shows no outcome and no agentsChanged that the strategy does not have', async () => {
    const strategy = await defineStrategy({ name: 'mine', create: () => ({ rank: () => [] }) }).create(
      undefined,
      services,
    );
    expect([strategy.outcome, strategy.agentsChanged]).toEqual([undefined, undefined]);
  });

  it('is handed its services and its options as the schema returned them', async () => {
    const create = vi.fn(() => ({ rank: () => [] }));
    const plugin = defineStrategy({ name: 'mine', options: limits, create });
    await plugin.create({ limit: 5 }, services);
    await plugin.create(undefined, services);
    expect(create.mock.calls).toEqual([
      [{ limit: 5 }, services],
      [{ limit: 3 }, services],
    ]);
  });

  it('may have a schema that answers later', async () => {
    const later: Schema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: 'checked' }) },
    };
    const create = vi.fn(() => ({ rank: () => [] }));
    await defineStrategy({ name: 'mine', options: later, create }).create({}, services);
    expect(create).toHaveBeenCalledExactlyOnceWith('checked', services);
  });

  it('is not created with options that its schema refuses', async () => {
    const create = vi.fn(() => ({ rank: () => [] }));
    await expect(
      defineStrategy({ name: 'mine', options: limits, create }).create({ limit: 0 }, services),
    ).rejects.toMatchObject({
      code: 'STRATEGY_OPTIONS_INVALID',
      message: 'Strategy "mine": its options are not valid: limit: must be positive',
      details: { strategy: 'mine' },
    });
    expect(create).not.toHaveBeenCalled();
  });

  it('takes no options without a schema', async () => {
    const plugin = defineStrategy({ name: 'mine', create: () => ({ rank: () => [] }) });
    await expect(plugin.create({ limit: 1 }, services)).rejects.toMatchObject({ code: 'STRATEGY_OPTIONS_INVALID' });
  });
});

it('the strategies that come with Symphony are these', () => {
  expect(Object.values(RoutingStrategies)).toEqual([
    'round-robin',
    'capability-match',
    'content-match',
    'load-balanced',
    'custom',
  ]);
});
