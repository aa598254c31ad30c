import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FileCall } from './file-layer.ts';

/** Something that was written down outside the store, and where in the order of what happened that began. */
interface Acknowledged {
  readonly kind: 'acknowledged';
  readonly from: number;
  readonly text: string;
}

/** What a traced program did, as far as it concerns its store. */
export type TraceEvent = FileCall | Acknowledged;

/** The calls that are traced. */
export const tracedCalls = 'openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat2,fallocate';

/** Which files a trace is read for. */
export interface TraceScope {
  /** The folder that the store alone is in. */
  readonly folder: string;
  /** The file to which acknowledgements are appended. */
  readonly acknowledgements: string;
}

/** Reads what `strace -f -y -xx` has written, in the order in which calls began; a sync stands where it ended. */
export async function readTrace(path: string, scope: TraceScope): Promise<readonly TraceEvent[]> {
  const open = new Map<string, { readonly text: string; readonly from: number }>();
  const found: { readonly place: number; readonly event: TraceEvent }[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++;
    const space = text.indexOf(' ');
    const thread = text.slice(0, space);
    const rest = text.slice(space).trimStart();
    if (rest.endsWith('<unfinished ...>')) {
      open.set(thread, { text: rest.slice(0, -'<unfinished ...>'.length), from: line });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    const begun = resumed === null ? undefined : open.get(thread);
    if (resumed !== null && begun === undefined) continue;
    if (begun !== undefined) open.delete(thread);
    const whole = begun === undefined ? rest : begun.text + rest.slice((resumed as RegExpExecArray)[0].length);
    const event = toEvent(whole, { from: begun?.from ?? line, to: line }, scope);
    if (event !== undefined) found.push({ place: isSync(event) ? line : event.from, event });
  }
  // Calls that never ended may have done their work all the same.
  for (const { text, from } of open.values()) {
    const event = toEvent(`${text}) = ?`, { from, to: Infinity }, scope);
    if (event !== undefined && !isSync(event)) found.push({ place: from, event });
  }
  return found.sort((one, other) => one.place - other.place).map(({ event }) => event);
}

function isSync({ kind }: TraceEvent): boolean {
  return kind === 'sync' || kind === 'syncFolder';
}

/** One call as an event; undefined if it failed or concerns neither the store nor the acknowledgements. */
function toEvent(
  text: string,
  span: { readonly from: number; readonly to: number },
  { folder, acknowledgements }: TraceScope,
): TraceEvent | undefined {
  const call = /^(\w+)\((.*)\)\s+= (\S+)/s.exec(text);
  if (call === null) return undefined;
  const [, name, parameters, result] = call as unknown as [string, string, string, string];
  if (result.startsWith('-1')) return undefined;
  if (name === 'openat' || name.startsWith('unlink') || name.startsWith('rename') || name === 'fallocate') {
    const path = toText(/"([^"]*)"/.exec(parameters)?.[1] ?? '');
    if (!isStoreFile(path, folder)) return undefined;
    if (name === 'openat') return parameters.includes('O_CREAT') ? { kind: 'create', path, ...span } : undefined;
    if (name.startsWith('unlink')) return { kind: 'unlink', path, ...span };
    throw new Error(`The file layer knows nothing of ${name}, and the store has called it.`);
  }
  const path = toText(/^\d+<([^>]*)>/.exec(parameters)?.[1] ?? '');
  if (path === folder) return { kind: 'syncFolder', ...span };
  if (path === acknowledgements) return { kind: 'acknowledged', from: span.from, text: toBytes(parameters).toString() };
  if (!isStoreFile(path, folder)) return undefined;
  const last = Number(/(\d+)\s*$/.exec(parameters)?.[1]);
  switch (name) {
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', path, ...span };
    case 'ftruncate':
      return { kind: 'truncate', path, size: last, ...span };
    case 'pwrite64':
      return { kind: 'write', path, offset: last, data: toBytes(parameters), ...span };
    default:
      throw new Error(`The file layer knows nothing of ${name}, and the store has called it.`);
  }
}

/** What is shared in memory is gone with the power, and made anew from the log. */
function isStoreFile(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) && !path.endsWith('-shm');
}

function toBytes(parameters: string): Buffer {
  const from = parameters.indexOf('"') + 1;
  return Buffer.from(parameters.slice(from, parameters.indexOf('"', from)).replaceAll('\\x', ''), 'hex');
}

/** A path as the tracer shows it: each character as it is, or as the number of its byte. */
function toText(path: string): string {
  return path.includes('\\x') ? Buffer.from(path.replaceAll('\\x', ''), 'hex').toString() : path;
}
