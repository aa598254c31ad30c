// Runs a package's sources through a few samples and prints what came out: `node behaviour.ts PACKAGE FOLDER`.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [name, folder] = process.argv.slice(2) as [string, string];
const load = createRequire(join(folder, 'package.json'));

/** The parts of commander that the samples use. */
interface Commander {
  readonly Command: new (name?: string) => Program;
}

interface Program {
  [method: string]: (...values: unknown[]) => Program;
}

/** The parts of minimatch that the samples use. */
interface Minimatch {
  (path: string, pattern: string, options?: object): boolean;
  braceExpand(pattern: string): string[];
  makeRe(pattern: string): RegExp | false;
  match(paths: string[], pattern: string, options?: object): string[];
  defaults(options: object): Minimatch;
}

const samples: Record<string, () => unknown[]> = {
  commander() {
    const { Command } = load('./index.js') as Commander;
    const commandLines = [
      'serve --port 80 main.js',
      'serve -vv main.js other.js',
      'sreve main.js',
      'build --no-color --mode fast out',
      'build --mode quick out',
      '--help',
      'help serve',
      '',
    ];
    return commandLines.map((line) => {
      const said: unknown[] = [];
      const program = new Command('tool');
      const keep = (text: unknown): void => void said.push(text);
      program.exitOverride!().configureOutput!({ writeOut: keep, writeErr: keep }).version!('1.2.3');
      program.command!('serve <entry> [others...]').description!('serves').option!(
        '-p, --port <number>',
        'port',
        Number,
        8080,
      ).option!('-v, --verbose', 'more words', (_: unknown, count: number) => count + 1, 0).action!(
        (entry: unknown, others: unknown, options: unknown) => said.push({ entry, others, options }),
      );
      program.command!('build <target>').option!('--no-color', 'plain').option!('-m, --mode <mode>', 'how').action!(
        (target: unknown, options: unknown) => said.push({ target, options }),
      );
      try {
        program.parse!(line.split(' ').filter(Boolean), { from: 'user' });
      } catch (error) {
        said.push({ code: (error as { code?: string }).code, message: (error as Error).message });
      }
      return said;
    });
  },

  minimatch() {
    const minimatch = load('./minimatch.js') as Minimatch;
    const paths = ['a.js', 'a.ts', '.hidden', 'src/a.js', 'src/deep/b.js', 'src/.git/x', 'abc', '[a]', 'a+b'];
    const patterns = [
      '*.js',
      '**/*.js',
      '*',
      '!*.js',
      'src/**',
      '{a,b}.{js,ts}',
      '?(a|b)c',
      '+(a|b)*',
      '[!a]*',
      '@(src)/**/b.js',
      'a\\+b',
      '#x',
      '',
    ];
    const options = [{}, { dot: true }, { matchBase: true }, { nocase: true, noext: true }];
    return patterns.map((pattern) => [
      pattern,
      options.map((each) => paths.filter((path) => minimatch(path, pattern, each))),
      minimatch.braceExpand(pattern),
      String(minimatch.makeRe(pattern)),
      minimatch.match(paths, pattern, { nonull: true }),
      minimatch.defaults({ dot: true }).match(paths, pattern),
    ]);
  },
};

const exported = load(name === 'commander' ? './index.js' : `./${name}.js`) as object;
process.stdout.write(JSON.stringify({ exported: Object.keys(exported), samples: samples[name]?.() ?? [] }));
