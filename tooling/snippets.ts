// The code in our documentation is true: every ```ts block of README.md, docs/ and the packages' READMEs is type-checked,
// and run unless it is marked ```ts no-run. `node tooling/snippets.ts [part of a path]` does it by hand.
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { readManifest, root, sourceCondition } from './workspace.ts';

/** One block of code of a page. */
export interface Snippet {
  /** Path of the page from the root. */
  readonly page: string;
  /** Line of the page that the code begins on, from 1. */
  readonly line: number;
  readonly code: string;
  readonly runs: boolean;
  /** What it must print: the ```text block right behind it that is marked `output`. */
  readonly output: string | undefined;
}

/** Longest run of a snippet. */
const limitMs = 30_000;

/** Type-checks and runs the snippets of the pages whose path contains `part`; answers how many there are. */
export async function checkSnippets(part = ''): Promise<number> {
  const pages = globSync(['README.md', 'docs/**/*.md', 'packages/**/README.md'], {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(path),
  });
  const snippets = pages.sort().flatMap((page) => (page.includes(part) ? readSnippets(page) : []));
  const scratch = new Scratch();
  try {
    const files = snippets.map((snippet) => scratch.write(snippet));
    await typeCheck(scratch, files, snippets);
    for (const [index, snippet] of snippets.entries()) {
      if (snippet.runs) await runSnippet(files[index] as string, snippet);
    }
  } finally {
    scratch.remove();
  }
  return snippets.length;
}

/** The snippets of a page, in order. */
export function readSnippets(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts( no-run)?\n(.*?)^```\n(?:\s*^```text output\n(.*?)^```$)?/gms)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[2] ?? '',
    runs: match[1] === undefined,
    output: match[3],
  }));
}

/** Folders inside packages, since only there a package can be imported by its own name and its sources can be run. */
class Scratch {
  readonly #folders = new Map<string, string>();
  readonly #stop = () => {
    this.remove();
    process.exit(130);
  };

  constructor() {
    process.once('SIGINT', this.#stop).once('SIGTERM', this.#stop);
  }

  /** Writes a snippet into a folder of its own; errors in it name the line of its page. */
  write({ page, line, code }: Snippet): string {
    const folder = join(this.folder(homeOf(page, code)), `${page.replaceAll(/[/.]/g, '-')}-line-${line}`);
    mkdirSync(folder);
    const file = join(folder, 'snippet.ts');
    writeFileSync(file, '\n'.repeat(line - 1) + code);
    return file;
  }

  folder(home: string): string {
    const known = this.#folders.get(home);
    if (known !== undefined) return known;
    const made = mkdtempSync(join(root, home, '.snippets-'));
    this.#folders.set(home, made);
    return made;
  }

  remove(): void {
    process.off('SIGINT', this.#stop).off('SIGTERM', this.#stop);
    for (const folder of this.#folders.values()) rmSync(folder, { recursive: true, force: true });
  }
}

/** The package that a snippet runs in: that of its page, or the one that sees all others. */
function homeOf(page: string, code: string): string {
  const everything = 'packages/registry';
  if (!page.startsWith('packages/')) return everything;
  const home = dirname(page);
  const own = readManifest(join(root, home)).name;
  const imported = [...code.matchAll(/from '(@symphony\/[^'/]+)/g)].map((match) => match[1] ?? '');
  const sees = (name: string): boolean => name === own || existsSync(join(root, home, 'node_modules', name));
  return imported.every(sees) ? home : everything;
}

async function typeCheck(scratch: Scratch, files: readonly string[], snippets: readonly Snippet[]): Promise<void> {
  const project = join(scratch.folder('packages/registry'), 'tsconfig.json');
  writeFileSync(project, JSON.stringify({ extends: join(root, 'tooling/tsconfig.base.json'), files }));
  try {
    await execute(join(root, 'node_modules/typescript/bin/tsc'), ['--project', project, '--pretty', 'false'], root);
  } catch (error) {
    throw new Error(nameThePages(messageOf(error), files, snippets));
  }
}

async function runSnippet(file: string, snippet: Snippet): Promise<void> {
  const { page, line, output } = snippet;
  let printed: string;
  try {
    printed = await execute(file, [], dirname(file), limitMs);
  } catch (error) {
    throw new Error(`${page}:${line} does not run\n${nameThePages(messageOf(error), [file], [snippet])}`);
  }
  if (output !== undefined && printed.trim() !== output.trim()) {
    throw new Error(`${page}:${line} does not print what the page says, but\n${printed}`);
  }
}

async function execute(file: string, parameters: readonly string[], folder: string, timeout = 0): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [`--conditions=${sourceCondition}`, file, ...parameters],
    { cwd: folder, timeout, killSignal: 'SIGKILL', env: { ...process.env, NO_COLOR: '1' } },
  );
  return stdout;
}

function messageOf(error: unknown): string {
  const { stdout, stderr, killed } = error as { stdout?: string; stderr?: string; killed?: boolean };
  return [killed === true ? `It took longer than ${limitMs / 1000} s.` : '', stdout, stderr].filter(Boolean).join('\n');
}

/** Puts the page in place of the scratch file, whose lines are those of the page. */
function nameThePages(message: string, files: readonly string[], snippets: readonly Snippet[]): string {
  let named = message;
  for (const [index, file] of files.entries()) {
    const { page } = snippets[index] as Snippet;
    named = named.replaceAll(`file://${file}`, page).replaceAll(file, page).replaceAll(relative(root, file), page);
  }
  return named;
}

if (import.meta.main) {
  const count = await checkSnippets(process.argv[2]);
  console.log(`${count} snippets are true`);
}
