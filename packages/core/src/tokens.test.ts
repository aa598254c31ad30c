import { expect, it } from 'vitest';
import { Tokens } from './index.ts';

it('a token is a registered symbol, so that two copies of the package mean the same service', () => {
  expect(Tokens.Store).toBe(Symbol.for('symphony:store'));
  for (const token of Object.values(Tokens)) expect(Symbol.keyFor(token as symbol)).toMatch(/^symphony:[a-z-]+$/);
});

it('no two services share a token', () => {
  expect(new Set(Object.values(Tokens)).size).toBe(Object.keys(Tokens).length);
});
