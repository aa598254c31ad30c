import type { Readable } from 'node:stream';

/** Hears the lines of a stream of text. One with a line of more characters than the limit is destroyed. */
export function onLine(stream: Readable, hear: (line: string) => void, limit: number): void {
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
    if (length > limit) stream.destroy();
  });
}
