import { basename } from 'node:path';
import type { Chance } from '../fleet/chance.ts';

/** What a program asked of the file system. `from` and `to` are places in the order of what happened: a call is under way between them. */
export type FileCall =
  | (Span & { readonly kind: 'create' | 'unlink' | 'sync'; readonly path: string })
  | (Span & { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly data: Buffer })
  | (Span & { readonly kind: 'truncate'; readonly path: string; readonly size: number })
  /** A folder: what was created and unlinked in it. */
  | (Span & { readonly kind: 'syncFolder' });

interface Span {
  readonly from: number;
  readonly to: number;
}

type Change = Extract<FileCall, { readonly kind: 'write' | 'truncate' }>;

/** A file that may have lost its name, or not have got it yet. */
interface Node {
  /** What a power loss leaves for certain. */
  durable: Buffer;
  /** What a power loss may leave or take, in the order in which it was asked for. */
  pending: Change[];
}

/** What was lost of a file system, and how. */
export interface Loss {
  /** The files that are left, by name. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Changes that were not synced when the power went. */
  readonly pending: number;
  /** How many of them were lost, and how many half. */
  readonly lost: number;
  readonly torn: number;
}

/** How what was not synced fares. */
const fates = ['nothing is kept', 'all is kept', 'the first are kept', 'some are kept', 'some are torn'] as const;

/** The smallest piece that a disk writes whole. */
const sectorBytes = 512;

/**
 * A folder of files as a disk has it that keeps its word on fsync and on nothing else: until then each write may be there,
 * missing or torn, whatever came after it.
 */
export class FileLayer {
  /** What names lead to, for certain. */
  readonly #durableNames = new Map<string, Node>();
  /** What names lead to for whoever is running. */
  readonly #names = new Map<string, Node>();
  #pendingNames: { readonly name: string; readonly node: Node | undefined }[] = [];

  /** Carries out a call. Calls come in the order in which they began; those of a sync, in which they ended. */
  apply(call: FileCall): void {
    switch (call.kind) {
      case 'create': {
        const name = basename(call.path);
        if (this.#names.has(name)) return;
        const node: Node = { durable: Buffer.alloc(0), pending: [] };
        this.#names.set(name, node);
        this.#pendingNames.push({ name, node });
        return;
      }
      case 'unlink':
        this.#names.delete(basename(call.path));
        this.#pendingNames.push({ name: basename(call.path), node: undefined });
        return;
      case 'write':
      case 'truncate':
        this.#names.get(basename(call.path))?.pending.push(call);
        return;
      case 'sync': {
        const node = this.#names.get(basename(call.path));
        if (node === undefined) return;
        // What was still under way when the sync began, it does not answer for.
        const synced = node.pending.filter(({ to }) => to < call.from);
        node.durable = changed(node.durable, synced);
        node.pending = node.pending.filter(({ to }) => to >= call.from);
        return;
      }
      case 'syncFolder':
        for (const change of this.#pendingNames) rename(this.#durableNames, change);
        this.#pendingNames = [];
        return;
    }
  }

  /** What the power may leave if it goes now. */
  lose(chance: Chance): Loss {
    const fate = chance.pick(fates);
    const names = new Map(this.#durableNames);
    // The journal of a file system keeps its changes in order.
    const renames =
      fate === 'all is kept' ? Infinity : fate === 'nothing is kept' ? 0 : chance.between(0, this.#pendingNames.length);
    for (const change of this.#pendingNames.slice(0, renames)) rename(names, change);
    const files = new Map<string, Buffer>();
    let [pending, lost, torn] = [0, 0, 0];
    for (const [name, node] of names) {
      const first = chance.between(0, node.pending.length);
      const kept: Change[] = [];
      for (const [index, change] of node.pending.entries()) {
        pending++;
        const isKept =
          fate === 'all is kept' ||
          (fate === 'the first are kept' && index < first) ||
          ((fate === 'some are kept' || fate === 'some are torn') && chance.next() < 0.5);
        if (!isKept) lost++;
        else if (fate === 'some are torn' && change.kind === 'write' && chance.next() < 0.5) {
          torn++;
          kept.push(...tear(change, chance));
        } else kept.push(change);
      }
      files.set(name, changed(node.durable, kept));
    }
    return { files, pending, lost, torn };
  }
}

function rename(
  names: Map<string, Node>,
  { name, node }: { readonly name: string; readonly node: Node | undefined },
): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

/** A file after some changes, carried out in their order. */
function changed(content: Buffer, changes: readonly Change[]): Buffer {
  if (changes.length === 0) return content;
  const ends = changes.map((change) => (change.kind === 'write' ? change.offset + change.data.length : change.size));
  const result = Buffer.alloc(Math.max(content.length, ...ends));
  content.copy(result);
  let length = content.length;
  for (const change of changes) {
    if (change.kind === 'write') {
      change.data.copy(result, change.offset);
      length = Math.max(length, change.offset + change.data.length);
    } else {
      result.fill(0, Math.min(length, change.size), length);
      length = change.size;
    }
  }
  return result.subarray(0, length);
}

/** Some of the sectors of a write. */
function tear(write: Extract<FileCall, { readonly kind: 'write' }>, chance: Chance): readonly Change[] {
  const pieces: Change[] = [];
  const end = write.offset + write.data.length;
  for (let offset = write.offset; offset < end;) {
    const next = Math.min(end, (Math.floor(offset / sectorBytes) + 1) * sectorBytes);
    const data = write.data.subarray(offset - write.offset, next - write.offset);
    if (chance.next() < 0.5) pieces.push({ ...write, offset, data });
    offset = next;
  }
  return pieces;
}
