import { createRequire, isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SymphonyError, toTaskError, type IsolatedAgent } from '@symphony/core';

/**
 * The URL of an isolated agent's module.
 *
 * @throws SymphonyError `AGENT_INVALID` if it names a package that is not installed
 */
export function findModule({ id, module }: IsolatedAgent): string {
  const text = String(module);
  if (text.startsWith('file:')) return text;
  try {
    const file = createRequire(resolve('noop.js')).resolve(text);
    if (!isBuiltin(file)) return pathToFileURL(file).href;
  } catch (cause) {
    throw notFound(id, text, toTaskError(cause, 0).message.split('\n')[0] ?? '', cause);
  }
  throw notFound(id, text, 'it is a part of Node');
}

function notFound(agentId: string, module: string, why: string, cause?: unknown): SymphonyError {
  return new SymphonyError(
    'AGENT_INVALID',
    `The module "${module}" of agent "${agentId}" is no package that is installed for ${process.cwd()}: ${why}. For a file of your own pass new URL("./agent.ts", import.meta.url).`,
    { details: { agentId, module }, ...(cause === undefined ? {} : { cause }) },
  );
}
