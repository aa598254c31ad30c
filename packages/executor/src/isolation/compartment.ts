import { delay, systemClock } from '@symphony/core';
import type { OutputStream } from './agent-output.ts';

/** The thread or process in which one attempt runs. */
export interface Compartment {
  /** Says something to the agent; says nothing to one that has ended. */
  post(text: string): void;
  /** Ends it, whatever it does, and what it has started as far as it can be reached. Twice is harmless. */
  kill(): void;
  /** Resolves when nothing of it runs and all that it said was heard, with how it ended: `exit code 1`. Never rejects. */
  readonly ended: Promise<string>;
}

/** What a compartment tells. */
export interface CompartmentListener {
  onText(text: string): void;
  onOutput(stream: OutputStream, text: string): void;
}

/** How long the output of what has ended may take to arrive: a daemon that got away may hold its streams for ever. */
const lastWordsMs = 100;

/** Passes on what comes out of a stream; resolves when nothing more comes. */
export function hearOutput(readable: NodeJS.ReadableStream, hear: (text: string) => void): Promise<void> {
  readable.setEncoding('utf8');
  readable.on('data', hear);
  return new Promise((resolve) => {
    readable.once('close', resolve).once('end', resolve).once('error', resolve);
  });
}

/** Waits until streams have ended, but not for long. A process ends in real time, whatever the application's clock says. */
export async function lastWords(streams: readonly Promise<void>[]): Promise<void> {
  const waiting = new AbortController();
  const patience = delay(systemClock, lastWordsMs, waiting.signal).catch(() => undefined);
  await Promise.race([Promise.all(streams), patience]);
  waiting.abort();
}
