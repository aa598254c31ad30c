// Plants each bug of bugs.ts in turn and runs the test that must find it. Arguments narrow: invariants such as I13, or
// words of a bug. `--all` runs the whole file of the test, to see who else finds it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../workspace.ts';
import { plantedBugs, type PlantedBug } from './bugs.ts';
import { plantVariable } from './plant.ts';

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const all = process.argv.includes('--all');
const folder = mkdtempSync(join(tmpdir(), 'symphony-planted-'));
let missed = 0;
try {
  for (const bug of plantedBugs) {
    const isMeant = words.length === 0 || words.some((word) => bug.breaks === word || bug.bug.includes(word));
    if (!isMeant) continue;
    const { found, tells } = find(bug);
    if (!found) missed++;
    console.log(`${found ? '✓' : '✗'} ${bug.breaks.padEnd(4)} ${bug.bug}\n    ${tells}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(missed === 0 ? 'every planted bug was found' : `${missed} planted bugs were not found`);
process.exitCode = missed === 0 ? 0 : 1;

/** Runs the test with the bug; says whether it failed, and of what. */
function find({ plant, foundBy }: PlantedBug): { readonly found: boolean; readonly tells: string } {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const preload = pathToFileURL(join(import.meta.dirname, 'preload.ts')).href;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      // What is planted must not stay in the cache of transformed modules, nor be hidden by it.
      ...['run', '--config', 'tooling/planted/vitest.config.ts', '--fsModuleCache=false', foundBy.file],
      ...(all ? [] : ['--testNamePattern', patternOf(foundBy.test)]),
      ...['--reporter', 'json', '--outputFile', report],
    ],
    {
      cwd: root,
      encoding: 'utf8',
      timeout: 300_000,
      env: {
        ...process.env,
        [plantVariable]: JSON.stringify(plant),
        NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`.trim(),
      },
    },
  );
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = tests.filter(({ status }) => status === 'failed');
    const isNamed = new RegExp(`^${patternOf(foundBy.test)}$`);
    const named = failed.find(({ title }) => isNamed.test(title) || all);
    if (named !== undefined) {
      const others = all ? ` (${failed.map(({ title }) => title).join(' · ')})` : '';
      return { found: true, tells: `${firstLine(named.failureMessages?.[0])}${others}` };
    }
    const ran = tests.filter(({ status }) => status === 'passed').length;
    return { found: false, tells: `${ran} tests passed · ${firstLine(testResults[0]?.message)}` };
  } catch {
    return { found: false, tells: `the run itself failed: ${`${stdout}${stderr}`.slice(-2_000)}` };
  }
}

/** A pattern for the titles that a title of the source stands for, which may have places for values. */
function patternOf(title: string): string {
  const [first = '', ...others] = title
    .split(/%[a-z]|\$\{[^}]*\}/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return [first, ...others].join('.*');
}

function firstLine(text = ''): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
