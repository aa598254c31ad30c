import type { Lane } from '../lane.ts';

/** Every lane there is, in the order in which `--all` runs them. */
export const lanes: readonly Lane[] = [];
