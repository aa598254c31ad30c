import type { Clock } from './clock.ts';
import type { MakeId } from './ids.ts';
import type { Logger } from './logger.ts';
import type { Random } from './random.ts';
import type { AgentDirectory, Router, StrategyState } from './routing.ts';
import type { Store } from './store.ts';

/**
 * What a container looks a service up by. A structural copy of Inversify's service identifier, so that core needs no
 * container; the constructor members carry the type.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the constructors of all services
export type Token<T> = string | symbol | (new (...args: any[]) => T) | (abstract new (...args: any[]) => T);

/**
 * The services that have no class of their own to be looked up by. `Symbol.for` survives a second installed copy of the
 * package. A module passed to `ServiceRegistry.open({ modules })` may rebind any of them.
 */
export const Tokens = {
  Clock: token<Clock>('clock'),
  Random: token<Random>('random'),
  MakeId: token<MakeId>('make-id'),
  Logger: token<Logger>('logger'),
  Store: token<Store>('store'),
  StrategyState: token<StrategyState>('strategy-state'),
  AgentDirectory: token<AgentDirectory>('agent-directory'),
  Router: token<Router>('router'),
  /** What `TaskRouter` is created with; its type is `TaskRouterOptions` of `@symphony/router`. */
  RouterOptions: token<object>('router-options'),
  /** What `EnhancedExecutor` is created with; its type is `ExecutorOptions` of `@symphony/executor`. */
  ExecutorOptions: token<object>('executor-options'),
} as const;

function token<T>(name: string): Token<T> {
  return Symbol.for(`symphony:${name}`);
}
