export { capabilityMatch } from './capability-match.ts';
export { custom, type CustomOptions } from './custom.ts';
export { loadBalanced } from './load-balanced.ts';
export { roundRobin } from './round-robin.ts';
