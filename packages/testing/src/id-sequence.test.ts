import { expect, it } from 'vitest';
import { createIdSequence } from './index.ts';

it('numbers ids by kind', () => {
  const makeId = createIdSequence();
  expect([makeId('tsk'), makeId('wf'), makeId('tsk')]).toEqual(['tsk_000001', 'wf_000001', 'tsk_000002']);
});
