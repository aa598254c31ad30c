import { expect, it } from 'vitest';
import { stem } from './stem.ts';

it.each([
  ['routes routed routing route', 'rout'],
  ['running runs run', 'run'],
  ['boxes box', 'box'],
  ['applies applied apply', 'appli'],
  ['checks checked checking check', 'check'],
  ['declared declares declare', 'declar'],
])('puts %s together', (words, joint) => {
  expect(new Set(words.split(' ').map(stem))).toEqual(new Set([joint]));
});

it.each(['class', 'status', 'this', 'thing', 'red', 'sql', 'bus', ''])('leaves %j alone', (word) => {
  expect(stem(word)).toBe(word);
});
