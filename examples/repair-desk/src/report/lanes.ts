import type { Story, Try } from '../result/story.ts';

/** One attempt on the timeline; times in milliseconds from the beginning. */
export interface Bar {
  readonly story: Story;
  readonly of: Try;
  readonly from: number;
  readonly to: number;
  /** From 0, so that bars of one lane never lie on each other. */
  readonly row: number;
}

/** What one worker did. */
export interface Lane {
  /** From 1, in the order in which they began. */
  readonly number: number;
  readonly bars: readonly Bar[];
  readonly rows: number;
  /** If it died: its last sign of life, and when others took its tasks over. */
  readonly death: { readonly at: number; readonly takenOverAt: number; readonly tasks: number } | undefined;
}

/** Who worked when. */
export interface Timeline {
  readonly lanes: readonly Lane[];
  /** Milliseconds. */
  readonly length: number;
}

/** Lays the attempts of all tasks out by worker and time. */
export function layOutLanes(stories: readonly Story[]): Timeline {
  const tries = stories.flatMap((story) => story.tries.map((of) => ({ story, of })));
  const zero = tries.reduce((least, { of }) => Math.min(least, of.from), Infinity);
  const byWorker = Map.groupBy(tries, ({ of }) => of.worker);
  const lanes = [...byWorker.values()]
    .map((own) => own.sort((a, b) => a.of.from - b.of.from))
    .sort(([a], [b]) => a!.of.from - b!.of.from)
    .map((own, index) => toLane(index + 1, own, zero));
  const length = Math.max(1, ...lanes.flatMap(({ bars }) => bars.map(({ to }) => to)));
  return { lanes, length };
}

function toLane(number: number, own: readonly Pick<Bar, 'story' | 'of'>[], zero: number): Lane {
  const crashed = own.filter(({ of }) => of.end === 'crashed');
  const signs = own.flatMap(({ of }) => (of.end === 'crashed' ? [of.from] : [of.from, of.to ?? of.from]));
  const lastSign = Math.max(...signs) - zero;
  const free: number[] = [];
  const bars = own.map(({ story, of }): Bar => {
    const from = of.from - zero;
    const to = (of.to ?? of.from) - zero;
    const found = free.findIndex((end) => end <= from);
    const row = found < 0 ? free.length : found;
    free[row] = to;
    return { story, of, from, to, row };
  });
  const takenOverAt = Math.max(...crashed.map(({ of }) => of.to! - zero));
  const death = crashed.length === 0 ? undefined : { at: lastSign, takenOverAt, tasks: crashed.length };
  return { number, bars, rows: free.length, death };
}
