// `pnpm new:strategy NAME` and `pnpm new:store NAME` write a package whose tests run at once.
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { root } from '../workspace.ts';
import { checkFree, checkInWorkspace, Help, Refusal, toNames, whyNot, type Kind } from './names.ts';
import { render, type Plan } from './render.ts';

const homes: Readonly<Record<Kind, string>> = { strategy: 'packages/strategies', store: 'packages/persistence' };

const usage = (kind: Kind): string => `pnpm new:${kind} NAME [--description TEXT] [--dir FOLDER | --standalone FOLDER]

  NAME           small letters, digits and dashes
  --description  what it does, in one sentence
  --dir          its folder in this workspace. Default: ${homes[kind]}/NAME
  --standalone   a folder outside of this workspace; the package then has dependencies from the registry

What is left out is asked for, where there is somebody to ask.`;

/** Who can be asked for what was left out; undefined where nobody is there. */
type Ask = ((question: string) => Promise<string>) | undefined;

/**
 * Reads what is wanted from the command line, and asks for the rest.
 *
 * @throws Refusal with a sentence for whoever typed it; Help if that is what was asked for
 */
export async function plan(kind: Kind, parameters: readonly string[], ask: Ask): Promise<Plan> {
  const { values, positionals } = parse(kind, parameters);
  if (values.help === true) throw new Help(usage(kind));
  if (positionals.length > 1) throw new Refusal(usage(kind));
  if (values.dir !== undefined && values.standalone !== undefined) {
    throw new Refusal('Give either --dir, inside this workspace, or --standalone, outside of it.');
  }
  const name = positionals[0] ?? (await askForName(kind, ask));
  const hindrance = whyNot(kind, name);
  if (hindrance !== undefined) throw new Refusal(hindrance);
  const isStandalone = values.standalone !== undefined;
  const names = toNames(kind, name, isStandalone);
  const folder = resolve(values.standalone ?? values.dir ?? join(root, homes[kind], name));
  if (!isStandalone) checkInWorkspace(folder);
  checkFree(names, folder);
  const answer = values.description ?? (await ask?.('What does it do, in one sentence? ')) ?? '';
  const fallback =
    kind === 'strategy' ? `The routing strategy "${name}" of Symphony.` : `The ${name} store of Symphony.`;
  const description = answer.replaceAll(/\s+/g, ' ').trim() || fallback;
  if (description.includes('*/'))
    throw new Refusal('A description becomes a comment in code, so leave "*/" out of it.');
  return { kind, names, description, folder, isStandalone };
}

function parse(kind: Kind, parameters: readonly string[]) {
  try {
    return parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        description: { type: 'string' },
        dir: { type: 'string' },
        standalone: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n\n${usage(kind)}`, { cause: error });
  }
}

/** Asks until the answer is a name. */
async function askForName(kind: Kind, ask: Ask): Promise<string> {
  if (ask === undefined) throw new Refusal(usage(kind));
  for (let question = `What is the ${kind} called? `; ;) {
    const name = (await ask(question)).trim();
    const hindrance = whyNot(kind, name);
    if (hindrance === undefined) return name;
    question = `${hindrance}\nWhat is it called? `;
  }
}

function report({ names, folder, isStandalone }: Plan, files: readonly string[]): string {
  const here = relative(root, folder);
  const next = isStandalone ? `cd ${folder} && npm install && npm test` : `pnpm test ${here}`;
  const later = `
Before \`pnpm check\`, give it a line in "packed" of tooling/budgets.json: "${names.package}", and how many kB it may
weigh. Then \`pnpm api\` writes down its public API, which the check compares.`;
  return `${isStandalone ? folder : here}: ${files.join(', ')}

Its tests pass as they are; what to change is marked REPLACE. Try it:

  ${next}
${isStandalone ? '' : later}`.trimEnd();
}

async function main([kind, ...parameters]: readonly string[]): Promise<void> {
  const terminal = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  try {
    const wanted = await plan(kind as Kind, parameters, terminal && ((question) => terminal.question(question)));
    console.log(report(wanted, await render(wanted)));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error instanceof Help) return console.log(error.message);
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    terminal?.close();
  }
}

if (import.meta.main) await main(process.argv.slice(2));
