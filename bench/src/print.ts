import { availableParallelism, cpus, loadavg } from 'node:os';

/** A row of a table: cells by column. */
export type Row = Readonly<Record<string, string | number>>;

/** Says what figures depend on. */
export function printMachine(settings: string): void {
  const [cpu] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(
    `\n${settings}\n${availableParallelism()} cores (${cpu?.model.trim() ?? 'unknown'}), load ${load.join(' ')} at the start, Node ${process.version}, ${process.platform}`,
  );
}

/** Prints rows as a table, and as one line of JSON for programs. */
export function printTable(bench: string, rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const text = (value: string | number | undefined): string =>
    typeof value === 'number'
      ? value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 })
      : (value ?? '');
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => text(row[column]).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  console.log(line(columns));
  for (const row of rows) console.log(line(columns.map((column) => text(row[column]))));
  console.log(
    JSON.stringify({ bench, rows }, (_key, value: unknown) =>
      typeof value === 'number' ? Number(value.toPrecision(6)) : value,
    ),
  );
}
