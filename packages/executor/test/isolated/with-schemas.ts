import type { Agent, Schema } from '@symphony/core';

const between = (least: number, most: number): Schema<number> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const number = value as number;
      return number >= least && number <= most ? { value: number } : { issues: [{ message: 'out of range' }] };
    },
  },
});

/** Takes numbers from 1 up, and may return up to 10. */
export default {
  id: 'named otherwise',
  input: between(1, Infinity),
  output: between(1, 10),
  run: ({ input }) => input,
} satisfies Agent<number, number>;
