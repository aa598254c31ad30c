import type { Agent } from '@symphony/core';

/** Doubles a number, and says where it did so. */
export default {
  id: 'doubler',
  run: async ({ input }, { step }) => step('double', () => ({ doubled: 2 * input, pid: process.pid })),
} satisfies Agent<number>;
