export type { CustomRoute, CustomRouteContext } from './custom-route.ts';
export type { KnownStrategies } from './known-strategies.ts';
export { loadStrategies, loadStrategy, type LoadStrategyOptions } from './load-strategy.ts';
export type { TaskLike } from './task-like.ts';
export { TaskRouter, type RoutableAgent, type StrategyChoice, type TaskRouterOptions } from './task-router.ts';
