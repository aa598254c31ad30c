import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, SymphonyError, type Clock, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';

/** Where a store is looked for and what it is opened with. */
export interface PersistenceContext {
  readonly clock: Clock | undefined;
  /** The folder that relative paths and packages are resolved from. */
  readonly resolveFrom: string;
}

/** What a package of another adapter exports, so that a URL can name it. */
interface AdapterPackage {
  readonly openStore?: (url: string) => Promise<Store>;
}

/** The packages of adapters that are not installed with the registry, by URL scheme. */
const adapterPackages: Readonly<Record<string, string>> = {
  postgres: '@symphony/persistence-postgres',
  postgresql: '@symphony/persistence-postgres',
};

/**
 * Opens the store that a URL names: `memory:`, `sqlite:PATH`, `sqlite::memory:`, `postgres://…`.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, `PACKAGE_NOT_INSTALLED`, and what the adapter throws
 */
export async function openPersistence(url: string, { clock, resolveFrom }: PersistenceContext): Promise<Store> {
  const scheme = /^([a-z]+):/.exec(url)?.[1];
  const rest = scheme === undefined ? '' : url.slice(scheme.length + 1);
  const time = clock === undefined ? {} : { clock };
  if (scheme === 'memory' && rest === '') return new MemoryStore(time);
  if (scheme === 'sqlite' && rest !== '') {
    return SqliteStore.open({ path: rest === ':memory:' ? rest : resolve(resolveFrom, rest), ...time });
  }
  const name = scheme === undefined ? undefined : adapterPackages[scheme];
  if (name === undefined) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `persistence must be "memory:", "sqlite:PATH", "sqlite::memory:" or "postgres://…", or a store, got ${describe(withoutSecrets(url))}.`,
    );
  }
  const { openStore } = await importAdapter(name, resolveFrom);
  if (openStore === undefined)
    throw new SymphonyError('INVALID_ARGUMENT', `Package ${name} exports no openStore(url).`, {
      details: { package: name },
    });
  return openStore(url);
}

/** The URL as it may be shown: without the user and password that it may hold. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/.*@/s, '//…@');
}

async function importAdapter(name: string, resolveFrom: string): Promise<AdapterPackage> {
  try {
    // From the application's folder: that is where adapters are installed, not beside this package.
    const path = createRequire(resolve(resolveFrom, 'package.json')).resolve(name);
    return (await import(pathToFileURL(path).href)) as AdapterPackage;
  } catch (cause) {
    throw new SymphonyError(
      'PACKAGE_NOT_INSTALLED',
      `This persistence needs the package ${name}. Install it in your application: npm install ${name}`,
      {
        details: { package: name },
        cause,
      },
    );
  }
}
