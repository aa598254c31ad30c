import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { churn } from './bloat-churn.ts';
import type { SqlitePlace } from './place.ts';
import { printTable, type Row } from './print.ts';

const mebibyte = 2 ** 20;
/** How long somebody reads without an end, in the middle of the churn. */
const readMs = 15_000;

/** The size of the write-ahead log over a churn, with somebody who reads for long in the middle of it. */
export async function measureLog(place: SqlitePlace, count: number): Promise<void> {
  const rows: Row[] = [];
  let phase = { name: 'churn', largest: 0 };
  let largestSinceTenth = 0;
  const look = (): void => {
    const bytes = place.walBytes();
    phase.largest = Math.max(phase.largest, bytes);
    largestSinceTenth = Math.max(largestSinceTenth, bytes);
  };
  const note = (tasks: number | string): void => {
    look();
    rows.push({
      tasks,
      phase: phase.name,
      'largest WAL, MiB': largestSinceTenth / mebibyte,
      'WAL now, MiB': place.walBytes() / mebibyte,
    });
    largestSinceTenth = 0;
  };
  const timer = setInterval(look, 20);
  let reading: Promise<void> | undefined;
  try {
    await churn(place, {
      count,
      onTenth: (tasks) => {
        note(tasks);
        if (tasks !== count * 0.4) return;
        phase = { name: `a reader, for ${readMs / 1_000} s`, largest: 0 };
        reading = readFor(place, readMs).then(() => {
          note('—');
          phase = { name: 'churn again', largest: 0 };
        });
      },
    });
    await reading;
  } finally {
    clearInterval(timer);
  }
  phase = { name: 'all closed', largest: 0 };
  note('—');
  printTable('bloat sqlite', rows);
}

/** Holds a snapshot: the log cannot be emptied beyond it. */
async function readFor(place: SqlitePlace, ms: number): Promise<void> {
  const reader = new DatabaseSync(place.url.slice('sqlite:'.length), { readOnly: true });
  reader.exec('BEGIN; SELECT count(*) FROM workers');
  await wait(ms);
  reader.close();
}
