import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Chance } from './fleet/chance.ts';
import { FileLayer, type FileCall } from './power-loss/file-layer.ts';
import { readTrace } from './power-loss/trace.ts';

const path = '/store/a.db';
const write = (from: number, offset: number, text: string, to = from): FileCall => ({
  ...{ kind: 'write', path, offset, data: Buffer.from(text), from, to },
});

/** Every outcome that many power losses show, as text; a file that is missing is undefined. */
function outcomes(calls: readonly FileCall[]): ReadonlySet<string | undefined> {
  const layer = new FileLayer();
  for (const call of calls) layer.apply(call);
  const chance = new Chance('test');
  return new Set(Array.from({ length: 300 }, () => layer.lose(chance).files.get('a.db')?.toString()));
}

const created: readonly FileCall[] = [
  { kind: 'create', path, from: 1, to: 1 },
  { kind: 'syncFolder', from: 2, to: 2 },
];

describe('a power loss', () => {
  test('takes nothing that was synced', () => {
    const calls: FileCall[] = [...created, write(3, 0, 'kept'), { kind: 'sync', path, from: 4, to: 5 }];
    expect(outcomes(calls)).toEqual(new Set(['kept']));
  });

  test('keeps of what was not synced all, some or nothing, in any order', () => {
    const calls = [...created, write(3, 0, 'a'), write(4, 1, 'b')];
    expect(outcomes(calls)).toEqual(new Set(['', 'a', '\0b', 'ab']));
  });

  test('may take a write that was still under way when the sync began', () => {
    const calls: FileCall[] = [...created, write(3, 0, 'late', 6), { kind: 'sync', path, from: 4, to: 5 }];
    expect(outcomes(calls)).toEqual(new Set(['', 'late']));
  });

  test('tears a write only between its sectors', () => {
    const [first, second] = ['x'.repeat(512), 'y'.repeat(512)] as const;
    const empty = '\0'.repeat(512);
    const calls = [...created, write(3, 0, first + second)];
    expect(outcomes(calls)).toEqual(new Set(['', first, empty + second, first + second]));
  });

  test('takes a file whose folder was not synced, and brings one back whose end was not', () => {
    expect(outcomes(created.slice(0, 1))).toContain(undefined);
    const calls: FileCall[] = [...created, { kind: 'unlink', path, from: 3, to: 3 }];
    expect(outcomes(calls)).toEqual(new Set(['', undefined]));
  });

  test('cuts a file where it was cut, with nothing behind it', () => {
    const synced: FileCall = { kind: 'sync', path, from: 6, to: 6 };
    const cut: FileCall = { kind: 'truncate', path, size: 1, from: 4, to: 4 };
    expect(outcomes([...created, write(3, 0, 'abc'), cut, write(5, 2, 'z'), synced])).toEqual(new Set(['a\0z']));
  });
});

test('a trace tells calls in the order in which they began, with syncs where they ended', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-trace-'));
  const lines = [
    '7 openat(AT_FDCWD</>, "/store/a.db", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 3</store/a.db>',
    '7 pwrite64(3</store/a.db>, "\\x61\\x62", 2, 4096 <unfinished ...>',
    '8 fsync(4</store/a.db> <unfinished ...>',
    '7 <... pwrite64 resumed>) = 2',
    '9 write(5</notes>, "\\x6f\\x6b\\x0a", 3) = 3',
    '8 <... fsync resumed>) = 0',
    '7 pwrite64(3</store/a.db-shm>, "\\x00", 1, 0) = 1',
    '7 openat(AT_FDCWD</>, "/store/b", O_RDWR|O_CREAT, 0644) = -1 EACCES (Permission denied)',
    '7 fsync(6</store>) = 0',
    '7 ftruncate(3</store/a.db>, 0) = 0',
  ];
  writeFileSync(join(folder, 'trace'), `${lines.join('\n')}\n`);
  const events = await readTrace(join(folder, 'trace'), { folder: '/store', acknowledgements: '/notes' });
  rmSync(folder, { recursive: true });
  expect(events).toEqual([
    { kind: 'create', path, from: 1, to: 1 },
    { kind: 'write', path, offset: 4096, data: Buffer.from('ab'), from: 2, to: 4 },
    { kind: 'acknowledged', from: 5, text: 'ok\n' },
    { kind: 'sync', path, from: 3, to: 6 },
    { kind: 'syncFolder', from: 9, to: 9 },
    { kind: 'truncate', path, size: 0, from: 10, to: 10 },
  ]);
});
