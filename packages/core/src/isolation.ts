import { SymphonyError } from './errors.ts';
import { checkInteger, describe } from './names.ts';

/** Where an isolated agent runs. */
export type Isolation = 'thread' | 'process';

/** What came as an isolated agent: whatever the types say, nothing is known of it but its id. */
export interface MaybeIsolated {
  readonly id: string;
  readonly run?: unknown;
  readonly module?: unknown;
  readonly isolation?: unknown;
  readonly memoryMb?: unknown;
  readonly env?: unknown;
}

/**
 * Checks what an agent says of its isolation.
 *
 * @throws SymphonyError `AGENT_INVALID`, `INVALID_ARGUMENT`
 */
export function checkIsolation(agent: MaybeIsolated): void {
  const { run, module, isolation, memoryMb, env } = agent;
  if (run !== undefined) {
    const given = module === undefined ? 'isolation' : 'module';
    throw invalid(
      agent,
      `has both run and ${given}. A function cannot cross: leave out run, export it from the module.`,
    );
  }
  if (module === undefined)
    throw invalid(agent, 'has isolation, but no module. Pass module: new URL("./agent.ts", import.meta.url).');
  if (isolation !== 'thread' && isolation !== 'process')
    throw invalid(agent, `has a module, so isolation must be "thread" or "process", got ${describe(isolation)}.`);
  const text = typeof module === 'string' ? module : urlText(module);
  if (text === undefined || !(isFileUrl(text) || (text === module && isPackagePath(text)))) {
    const mend = 'Pass new URL("./agent.ts", import.meta.url), a file: URL, or the name of an installed package';
    throw invalid(agent, `has a module that is not found from everywhere, ${describe(text ?? module)}. ${mend}.`);
  }
  if (memoryMb !== undefined) checkInteger(memoryMb, `agent "${agent.id}" memoryMb`, 16, 1_000_000);
  if (env !== undefined) checkEnvironment(env, agent);
}

/**
 * Checks that an agent that shares the process of its worker asks for nothing that only isolation can give.
 *
 * @throws SymphonyError `AGENT_INVALID`
 */
export function checkShared(agent: MaybeIsolated): void {
  for (const key of ['memoryMb', 'env'] as const) {
    if (agent[key] === undefined) continue;
    const mend = 'Pass module and isolation instead of run';
    throw invalid(agent, `has ${key}, which holds only in a thread or process of its own. ${mend}, or leave it out.`);
  }
}

function isFileUrl(text: string): boolean {
  return text.startsWith('file://') && URL.canParse(text); // without slashes it would be taken for a path of the root
}

/** Like a package, perhaps in a scope, and a path in it: no path of a file, which would start from who knows where. */
function isPackagePath(text: string): boolean {
  return /^(@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*(\/[\w~-][\w.~-]*)*$/.test(text);
}

/** The text of a URL, also of one of another realm. */
function urlText(value: unknown): string | undefined {
  const text = (value as { readonly href?: unknown } | null)?.href;
  return typeof text === 'string' ? text : undefined;
}

function checkEnvironment(env: unknown, agent: MaybeIsolated): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env))
    throw invalid(agent, `has an env that is no object of strings, but ${describe(env)}.`);
  for (const [name, value] of Object.entries(env)) {
    const isText = value === undefined || (typeof value === 'string' && !value.includes('\0'));
    // The value may be a secret, and is not shown.
    if (!/^[^=\0]+$/.test(name) || !isText)
      throw invalid(agent, `has an env in which ${describe(name)} is no variable with a string.`);
  }
}

function invalid({ id }: MaybeIsolated, problem: string): SymphonyError {
  return new SymphonyError('AGENT_INVALID', `Agent "${id}" ${problem}`, { details: { agentId: id } });
}
