import { delay, SymphonyError, systemClock } from '@symphony/core';
import { Connections } from './connections.ts';
import { codeOf, messageOf } from './errors.ts';
import { migrate } from './migrate.ts';
import type { Settings } from './options.ts';

/** A server that is starting, or has no place for one more connection: both may pass in a moment. */
const passing = new Set(['57P03', '53300']);

/** How long to wait before the server is asked again. */
const againMs = 200;

/**
 * Connects to the server and brings the schema up to date.
 *
 * @throws SymphonyError `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_TOO_NEW`
 */
export async function openConnections(settings: Settings): Promise<Connections> {
  const connections = new Connections(settings);
  const started = systemClock.monotonic();
  for (;;) {
    try {
      await connections.runOnce('write', (client) => migrate(client, settings));
      return connections;
    } catch (error) {
      const patient = systemClock.monotonic() - started < settings.patienceMs;
      if (patient && passing.has(codeOf(error) ?? '')) {
        await delay(systemClock, againMs);
        continue;
      }
      await connections.close();
      throw SymphonyError.is(error) ? error : openFailed(settings, error);
    }
  }
}

/** What to do about it, by SQLSTATE or code of Node. */
const advice: Readonly<Record<string, string>> = {
  '28P01': 'Check the user and the password of the URL.',
  '28000': 'Check the user of the URL, and what pg_hba.conf allows it.',
  '3D000': 'Create the database first.',
  '42501': 'Give the role the right to it, or let an administrator run CREATE SCHEMA … AUTHORIZATION … for it.',
  '53300': 'Raise max_connections, or let fewer processes connect.',
  '57P03': 'Wait until the server has started.',
  ECONNREFUSED: 'Check the host and the port, and that the server runs.',
  ENOTFOUND: 'Check the host.',
  EAI_AGAIN: 'Check the host and the name server.',
  ETIMEDOUT: 'Check the host, the port and the firewalls between.',
};

function openFailed({ place, schema }: Settings, cause: unknown): SymphonyError {
  const hint = advice[codeOf(cause) ?? ''] ?? 'Check the URL.';
  return new SymphonyError('STORE_OPEN_FAILED', `The ${place} cannot be opened: ${messageOf(cause)}. ${hint}`, {
    details: { place, schema },
    cause,
  });
}
