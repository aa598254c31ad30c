import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error.ts';

/** What the caller wants. Paths are absolute. */
export interface CommandLine {
  /** Undefined for the demonstration. */
  readonly project: string | undefined;
  readonly write: boolean;
  readonly force: boolean;
  readonly patch: string | undefined;
  readonly report: string | undefined;
  readonly out: string | undefined;
  readonly compare: boolean;
  readonly crash: boolean;
  readonly concurrency: number | undefined;
  readonly database: string | undefined;
  readonly seed: number;
}

/** What `--help` says. */
export const help = `Finds type errors and repairs them: the TypeScript compiler complains, agents repair, the compiler judges.

  pnpm start                              the demonstration: two npm packages, with a worker killed half-way
  pnpm start --project PATH               your own TypeScript or JavaScript: a file, a folder or a tsconfig.json.
                                          Nothing there is touched; a patch is written to the current folder
  pnpm start --project PATH --write       repairs the files themselves

  --report FILE.html    what was repaired by whom and why, what needs a human, and when it happened, as one page
  --patch FILE          where the patch goes; else repair-desk.patch
  --write               changes the files of the project; not those that git says have uncommitted changes
  --force               with --write: those too
  --compare             runs the same tasks again with agents chosen in turn and by lot, and compares
  --concurrency N       how many agents work on one project at once, 1 to 16; else 2, in the demonstration 1
  --database FILE       keeps the state there; after a kill the same command goes on where it was
  --crash, --no-crash   kills the worker half-way, or does not; the demonstration does unless it compares
  --seed N              what the draw by lot starts from; else 1
  --out FOLDER          where the demonstration puts report and patches; else ./out
  --help                this

Exit code: 0 when all went as it should, also if errors are left; 1 when something did not; 2 when it could not begin.
`;

const options = {
  project: { type: 'string' },
  write: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  patch: { type: 'string' },
  report: { type: 'string' },
  out: { type: 'string' },
  compare: { type: 'boolean', default: false },
  crash: { type: 'boolean' },
  concurrency: { type: 'string' },
  database: { type: 'string' },
  seed: { type: 'string', default: '1' },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the words after the command.
 *
 * @param folder what relative paths are relative to
 * @returns undefined if help is wanted
 * @throws UsageError if they make no sense
 */
export function readCommandLine(words: readonly string[], folder: string): CommandLine | undefined {
  const values = parse(words);
  if (values.help) return undefined;
  const path = (name: 'project' | 'patch' | 'report' | 'out' | 'database'): string | undefined => {
    const value = values[name];
    if (value === '') throw new UsageError(`--${name} needs a path.`);
    return value === undefined ? undefined : resolve(folder, value);
  };
  const isDemonstration = values.project === undefined;
  if (isDemonstration && values.write)
    throw new UsageError('--write needs --project: there is nothing else to write to.');
  if (isDemonstration && values.patch !== undefined)
    throw new UsageError('--patch needs --project; the demonstration writes its patches to --out.');
  if (!isDemonstration && values.out !== undefined)
    throw new UsageError('--out is for the demonstration; with --project, use --patch and --report.');
  if (values.force && !values.write) throw new UsageError('--force goes with --write.');
  return {
    project: path('project'),
    write: values.write,
    force: values.force,
    patch: path('patch'),
    report: path('report'),
    out: path('out'),
    compare: values.compare,
    crash: values.crash ?? (isDemonstration && !values.compare),
    concurrency: values.concurrency === undefined ? undefined : wholeNumber('concurrency', values.concurrency, 1, 16),
    database: path('database'),
    seed: wholeNumber('seed', values.seed, 0, 2 ** 31 - 1),
  };
}

function parse(words: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    // pnpm passes the dashes on that end its own options.
    const args = words[0] === '--' ? words.slice(1) : [...words];
    return parseArgs({ args, options, allowNegative: true }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split(/(?<=\.) /);
    throw new UsageError(`${sentence!.replace(/\.?$/, '.')} See --help.`, { cause: error });
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} needs a whole number from ${least} to ${most}, not "${text}".`);
}
