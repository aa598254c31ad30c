import type { Readable } from 'node:stream';

/** Most characters of a message: far more than the largest result takes with every character escaped. */
const longestLine = 64 * 1024 * 1024;

/** Hears the lines of a stream of text. One that never ends its line is destroyed. */
export function onLine(stream: Readable, hear: (line: string) => void): void {
  let begun: string[] = [];
  let length = 0;
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = text.split('\n');
    const rest = lines.pop() as string; // of what was split there is always a last
    for (const line of lines) {
      hear(begun.join('') + line);
      begun = [];
      length = 0;
    }
    begun.push(rest);
    length += rest.length;
    if (length > longestLine) stream.destroy();
  });
}
