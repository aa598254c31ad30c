import { expect, test } from 'vitest';

test('development runs on the Node that npm pins, not on an older one found outside', () => {
  expect(Number(process.versions.node.split('.')[0])).toBeGreaterThanOrEqual(22);
});
