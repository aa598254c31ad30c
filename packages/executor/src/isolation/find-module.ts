import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SymphonyError, toTaskError } from '@symphony/core';

/** Which module of which agent is looked for. */
export interface Wanted {
  readonly agentId: string;
  readonly module: string;
}

/**
 * The URL of an isolated agent's module, as `import` finds it in a file of the working directory: with the conditions and
 * loaders with which it is loaded then.
 *
 * @throws SymphonyError `AGENT_INVALID` if it is in no package that is installed, or is not exported there
 */
export function findModule(wanted: Wanted): string {
  const { module } = wanted;
  if (module.startsWith('file:')) return module;
  const parentURL = pathToFileURL(resolve('noop.js')).href;
  // `import.meta.resolve` looks from here on, and takes no other place without a flag.
  const hooks = registerHooks({
    resolve: (specifier, context, next) => next(specifier, specifier === module ? { ...context, parentURL } : context),
  });
  try {
    const url = import.meta.resolve(module);
    if (!url.startsWith('node:')) return url;
  } catch (cause) {
    const [why = ''] = toTaskError(cause, 0).message.split(/ imported from |\n/);
    throw notFound(wanted, why, cause);
  } finally {
    hooks.deregister();
  }
  throw notFound(wanted, 'it is a part of Node');
}

function notFound({ agentId, module }: Wanted, why: string, cause?: unknown): SymphonyError {
  return new SymphonyError(
    'AGENT_INVALID',
    `The module "${module}" of agent "${agentId}" is not found among the packages of ${process.cwd()}: ${why}. For a file of your own pass new URL("./agent.ts", import.meta.url).`,
    { details: { agentId, module }, ...(cause === undefined ? {} : { cause }) },
  );
}
