import { expect, it } from 'vitest';
import { describeIssues } from './index.ts';

it('complaints of a schema make one line, each with its path', () => {
  const issues = [
    { message: 'must be positive', path: ['query', { key: 'limit' }, 0] },
    { message: 'required', path: ['name'] },
    { message: 'is odd', path: [] },
    { message: 'is unknown' },
    { message: 'is a symbol', path: [Symbol('s')] },
  ];
  expect(describeIssues(issues)).toBe(
    'query.limit.0: must be positive; name: required; is odd; is unknown; Symbol(s): is a symbol',
  );
});
