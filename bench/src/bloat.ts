// What a long churn leaves on the disk: pnpm --dir bench bloat [sqlite|postgres|all] [tasks]
import { printMachine } from './print.ts';
import { openPostgresPlace, openSqlitePlace } from './place.ts';
import { measureTables } from './bloat-postgres.ts';
import { measureLog } from './bloat-sqlite.ts';

const [which = 'all', given = '200000'] = process.argv.slice(2);
const count = Number(given);

if (which !== 'postgres') {
  await using place = openSqlitePlace();
  printMachine(place.settings);
  await measureLog(place, count);
}
if (which !== 'sqlite') {
  // Autovacuum looks every minute by default; with this, minutes of a churn show what hours would.
  await using place = await openPostgresPlace({ autovacuum_naptime: '5s', ...serverSettings() });
  printMachine(place.settings);
  await measureTables(place, count);
}

/** Settings of the server from the command line: `name=value …` behind the count. */
function serverSettings(): Readonly<Record<string, string>> {
  return Object.fromEntries(process.argv.slice(4).map((pair) => pair.split('=', 2))) as Record<string, string>;
}
