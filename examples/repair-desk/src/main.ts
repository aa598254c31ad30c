// Finds type errors and repairs them: pnpm start [--project PATH] [--help]
import { help, readCommandLine } from './cli/command-line.ts';
import { repairDesk } from './cli/repair-desk.ts';
import { callersFolder } from './cli/shown.ts';
import { UsageError } from './usage-error.ts';

try {
  const command = readCommandLine(process.argv.slice(2), callersFolder);
  if (command === undefined) console.log(help);
  else process.exitCode = (await repairDesk(command)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`repair desk: ${error.message}`);
  process.exitCode = 2;
}
