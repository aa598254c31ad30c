import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { SymphonyError, type ErrorCode } from '@symphony/core';
import { newTask } from '@symphony/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../test/server.ts';
import { openStore, PostgresStore, type PostgresStoreOptions } from './index.ts';
import { migrations } from './migrations.ts';

let server: TestServer;
beforeAll(async () => void (server = await startServer()), 60_000);
afterAll(() => server.stop(), 60_000);

const secret = 's3cret!pass';
const withRole = (name: string, url = server.url): string =>
  url.replace('postgres:postgres@', `${name}:${encodeURIComponent(secret)}@`);

const schemaOf = (url: string): string => new URL(url).searchParams.get('schema') ?? '';

async function refusal(options: PostgresStoreOptions, code: ErrorCode): Promise<SymphonyError> {
  const error = await PostgresStore.open(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!SymphonyError.is(error)) throw new Error(`not refused with a code: ${String(error)}`);
  expect(error.code, error.message).toBe(code);
  const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error.details) + error.stack;
  for (const text of [secret, encodeURIComponent(secret), 'postgres:postgres']) expect(shown).not.toContain(text);
  return error;
}

describe('opening a PostgreSQL store', () => {
  it('creates the schema and opens it again', async () => {
    const url = server.newUrl();
    const first = await PostgresStore.open({ url });
    await first.commit({ groups: [[{ type: 'createTask', task: newTask('tsk_1'), submit: true }]] });
    await first.close();
    const second = await openStore(url);
    expect(await second.getTask('tsk_1')).toMatchObject({ id: 'tsk_1', status: 'pending' });
    await second.close();
  });

  it('keeps to the schema symphony unless told otherwise', async () => {
    const store = await PostgresStore.open({ url: server.url });
    await store.close();
    const [row] = await server.ask(`SELECT count(*)::integer AS tables FROM pg_tables WHERE schemaname = 'symphony'`);
    expect(row?.['tables']).toBeGreaterThan(5);
    expect(await server.ask(`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });

  it('records each migration with the checksum of its text', async () => {
    const url = server.newUrl();
    await (await PostgresStore.open({ url })).close();
    const rows = await server.ask(
      `SELECT number, name, length(checksum) AS length FROM ${schemaOf(url)}.symphony_migrations`,
    );
    expect(rows).toEqual(migrations.map(({ number, name }) => ({ number, name, length: 64 })));
  });

  it('lets several processes create one schema at the same time', async () => {
    const url = server.newUrl();
    const program = new URL('../test/open-and-close.ts', import.meta.url).pathname;
    const opened = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ['--conditions=@symphony/source', program, url]),
    );
    for (const { stdout } of await Promise.all(opened)) expect(stdout).toBe('opened\n');
    expect(await server.ask(`SELECT number FROM ${schemaOf(url)}.symphony_migrations`)).toHaveLength(migrations.length);
  });

  it('takes a schema of any name, and keeps it apart from every other', async () => {
    const names = [`O'Brien "Sym"; DROP TABLE tasks; -- $x`, `O'Brien "sym"; DROP TABLE tasks; -- $x`, 'схема 🎻'];
    const stores = await Promise.all(names.map((schema) => PostgresStore.open({ url: server.url, schema })));
    for (const [index, store] of stores.entries()) {
      const task = newTask('tsk_1', { name: `of store ${index}` });
      await store.commit({ groups: [[{ type: 'createTask', task, submit: true }]] });
    }
    for (const [index, store] of stores.entries()) {
      expect(await store.getTask('tsk_1')).toMatchObject({ name: `of store ${index}` });
      expect(await store.events({ limit: 10 })).toHaveLength(1);
      await store.close();
    }
  });

  it('opens for a role that may only use the schema that was made for it', async () => {
    await server.ask(`CREATE ROLE tenant LOGIN PASSWORD '${secret}'; CREATE SCHEMA tenant AUTHORIZATION tenant`);
    const store = await PostgresStore.open({ url: withRole('tenant'), schema: 'tenant' });
    await store.commit({ groups: [[{ type: 'createTask', task: newTask('tsk_1'), submit: true }]] });
    expect(await store.lastPosition()).toBe(1);
    await store.close();
  });

  it('commits durably, whatever the default of the server or the role is', async () => {
    const url = server.newUrl();
    await server.ask(
      `CREATE ROLE hasty SUPERUSER LOGIN PASSWORD '${secret}'; ALTER ROLE hasty SET synchronous_commit = off`,
    );
    const store = await PostgresStore.open({ url: withRole('hasty', url) });
    await server.ask(`
      CREATE TABLE ${schemaOf(url)}.seen (setting text);
      CREATE FUNCTION ${schemaOf(url)}.look() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
      CREATE TRIGGER look BEFORE INSERT ON ${schemaOf(url)}.tasks FOR EACH ROW EXECUTE FUNCTION ${schemaOf(url)}.look()`);
    await store.commit({ groups: [[{ type: 'createTask', task: newTask('tsk_1'), submit: true }]] });
    expect(await server.ask(`SELECT setting FROM ${schemaOf(url)}.seen`)).toEqual([{ setting: 'on' }]);
    await store.close();
  });
});

describe('a PostgreSQL store is not opened', () => {
  it('where the schema is newer than the code; it is left as it was', async () => {
    const url = server.newUrl();
    await (await PostgresStore.open({ url })).close();
    await server.ask(`INSERT INTO ${schemaOf(url)}.symphony_migrations VALUES (999, 'from the future', '')`);
    const error = await refusal({ url }, 'STORE_TOO_NEW');
    expect(error.details).toMatchObject({ got: 999, want: migrations.length, schema: schemaOf(url) });
  });

  it('in a schema with tables of another application; they are left as they were', async () => {
    await server.ask('CREATE SCHEMA shop; CREATE TABLE shop.tasks (id integer)');
    const error = await refusal({ url: server.url, schema: 'shop' }, 'STORE_NOT_OURS');
    expect(error.message).toContain('"shop"');
    expect(await server.ask(`SELECT tablename FROM pg_tables WHERE schemaname = 'shop'`)).toEqual([
      { tablename: 'tasks' },
    ]);
  });

  it.each([
    ['a wrong password', () => server.url.replace(':postgres@', `:${encodeURIComponent(secret)}@`), /authentication/],
    ['a user that does not exist', () => withRole('nobody'), /authentication|nobody/],
    ['a database that does not exist', () => server.url.replace(/postgres$/, 'nowhere'), /"nowhere" does not exist/],
    ['a port where nobody listens', () => withRole('u').replace(/:\d+\//, ':1/'), /ECONNREFUSED/],
    ['a host that does not exist', () => withRole('u').replace('127.0.0.1', 'nowhere.invalid'), /nowhere\.invalid/],
  ])('with %s: the message names host and database, and never the password', async (_what, url, reason) => {
    const error = await refusal({ url: url() }, 'STORE_OPEN_FAILED');
    expect(error.message).toMatch(reason);
    const { hostname, port, pathname } = new URL(url());
    expect(error.message).toContain(`"${pathname.slice(1)}" at ${hostname}:${port}`);
  });

  it('for a role that may not create the schema; the message says who can', async () => {
    await server.ask(`CREATE ROLE guest LOGIN PASSWORD '${secret}'`);
    const error = await refusal({ url: withRole('guest', server.newUrl()) }, 'STORE_OPEN_FAILED');
    expect(error.message).toMatch(/permission denied.*CREATE SCHEMA/s);
  });

  it('where nothing can be written', async () => {
    await server.ask(
      `CREATE ROLE reader SUPERUSER LOGIN PASSWORD '${secret}'; ALTER ROLE reader SET default_transaction_read_only = on`,
    );
    const error = await refusal({ url: withRole('reader', server.newUrl()) }, 'STORE_OPEN_FAILED');
    expect(error.message).toContain('can only be read');
  });

  it('in an encoding that cannot hold every text', async () => {
    await server.ask(`CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    const error = await refusal({ url: server.url.replace(/postgres$/, 'latin') }, 'STORE_OPEN_FAILED');
    expect(error.message).toContain('LATIN1');
  });

  it.each([
    ['no URL', 'localhost/symphony'],
    ['another scheme', `mysql://user:${secret}@localhost/symphony`],
    ['a password that is not escaped', `postgres://user:${secret}%zz/[@localhost:port/symphony`],
    ['nothing', undefined as unknown as string],
  ])('with %s', async (_what, url) => {
    const error = await refusal({ url }, 'INVALID_ARGUMENT');
    expect(error.message).toContain('postgres://user:password@host:port/database');
  });

  it.each(['', 'pg_catalog', 'a\0b', 'x'.repeat(64), 'é'.repeat(32), '\ud800'])(
    'in a schema called %j',
    async (schema) => {
      await refusal({ url: server.url, schema }, 'INVALID_ARGUMENT');
    },
  );

  it('with an option that it does not know', async () => {
    await refusal({ url: server.url, shcema: 'x' } as never, 'INVALID_ARGUMENT');
  });
});
