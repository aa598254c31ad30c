import {
  defineStrategy,
  RoutingStrategies,
  type Candidates,
  type RankRequest,
  type Schema,
  type Task,
} from '@symphony/core';

/** Options of {@link custom}. */
export interface CustomOptions {
  /** Chooses the agent for a task by its id; undefined abstains. */
  readonly route: (
    task: Task,
    candidates: Candidates,
    context: Omit<RankRequest, 'task' | 'candidates'>,
  ) => string | undefined | Promise<string | undefined>;
}

/**
 * Lets a function choose.
 *
 * @example
 * router.setStrategy(['custom', { route: (task) => (task.tags.includes('urgent') ? 'senior' : 'junior') }]);
 */
export const custom = defineStrategy({
  name: RoutingStrategies.Custom,
  version: '1',
  options: optionsSchema(),
  create: ({ route }) => ({
    async rank({ task, candidates, ...context }) {
      const agentId = await route(task, candidates, context);
      if (agentId === undefined || agentId === null) return [];
      return [{ agentId, score: 1, reasons: ['the custom function chose it'] }];
    },
  }),
});

export default custom;

function optionsSchema(): Schema<CustomOptions> {
  const validate: Schema<CustomOptions>['~standard']['validate'] = (value) => {
    const options = value as Partial<Record<string, unknown>>;
    const unknown = Object.keys(options).find((key) => key !== 'route');
    if (unknown !== undefined)
      return { issues: [{ path: [unknown], message: 'there is no such option; the only one is route' }] };
    if (typeof options['route'] !== 'function') {
      return {
        issues: [
          {
            path: ['route'],
            message: 'must be a function (task, candidates, context) => agentId; setCustomRouter(fn) also sets one',
          },
        ],
      };
    }
    return { value: options as unknown as CustomOptions };
  };
  return { '~standard': { version: 1, vendor: 'symphony', validate } };
}
