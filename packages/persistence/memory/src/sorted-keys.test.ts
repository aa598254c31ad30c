import { seededRandom } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { SortedKeys, type Key } from './sorted-keys.ts';

function inOrder(keys: readonly Key[]): readonly Key[] {
  return [...keys].sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
}

describe('SortedKeys', () => {
  it('holds its keys in order, by id where the order is equal', () => {
    const keys = new SortedKeys();
    for (const key of [
      { order: 2, id: 'a' },
      { order: 1, id: 'b' },
      { order: 1, id: 'a' },
    ])
      keys.add(key);
    expect([...keys.after()].map(({ order, id }) => `${order}${id}`)).toEqual(['1a', '1b', '2a']);
  });

  it('goes on behind a cursor, whether that is one of its keys or not', () => {
    const keys = new SortedKeys();
    for (const order of [1, 3, 5]) keys.add({ order, id: 'a' });
    const behind = (order: number): readonly number[] => [...keys.after({ order, id: 'a' })].map((key) => key.order);
    expect([behind(0), behind(3), behind(4), behind(5)]).toEqual([[1, 3, 5], [5], [5], []]);
  });

  it('removes a key that is there, and says where none was', () => {
    const keys = new SortedKeys();
    keys.add({ order: 1, id: 'a' });
    expect([
      keys.delete({ order: 1, id: 'b' }),
      keys.delete({ order: 1, id: 'a' }),
      keys.delete({ order: 1, id: 'a' }),
    ]).toEqual([false, true, false]);
    expect([keys.size, [...keys.after()]]).toEqual([0, []]);
  });

  it('is a sorted list after any number of additions and removals', () => {
    const random = seededRandom('sorted keys');
    const keys = new SortedKeys();
    const model: Key[] = [];
    for (let round = 0; round < 20_000; round++) {
      if (random() < 0.6 || model.length === 0) {
        const key = { order: Math.floor(random() * 100), id: `${round}` };
        model.push(key);
        keys.add(key);
      } else {
        const [key] = model.splice(Math.floor(random() * model.length), 1);
        expect(keys.delete(key as Key)).toBe(true);
      }
      if (round % 2_000 !== 0) continue;
      const sorted = inOrder(model);
      expect([...keys.after()]).toEqual(sorted);
      const cursor = { order: 50, id: '' };
      expect([...keys.after(cursor)]).toEqual(sorted.filter(({ order }) => order >= 50));
      expect(keys.size).toBe(model.length);
    }
  });
});
