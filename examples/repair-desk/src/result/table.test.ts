import { describe, expect, test } from 'vitest';
import { markdownTable, table, type Column } from './table.ts';

const columns: Column[] = [{ title: 'name', align: 'left' }, { title: 'n' }];

describe('tables', () => {
  test('columns are as wide as their widest cell, numbers to the right', () => {
    expect(
      table(
        columns,
        [
          ['a', 5],
          ['total', 1234],
        ],
        { total: true },
      ),
    ).toBe(['name      n', '───────────', 'a         5', '───────────', 'total  1234'].join('\n'));
  });

  test('a bar in a cell does not end it in Markdown', () => {
    expect(markdownTable(columns, [['a | b', 1]])).toBe('| name | n |\n| :-- | --: |\n| a \\| b | 1 |');
  });
});
