/** A column's heading and which side its cells keep to. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lays rows out in columns for a terminal; a line is drawn below the headings and, if asked for, above the last row. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  options: { readonly total?: boolean } = {},
): string {
  const cells = rows.map((row) => row.map(String));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) =>
        columns[index]?.align === 'left' ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  const body = cells.map(line);
  if (options.total === true && body.length > 1) body.splice(-1, 0, rule);
  return [line(columns.map(({ title }) => title)), rule, ...body].join('\n');
}

/** The same rows as a Markdown table. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string {
  const row = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = columns.map(({ align }) => (align === 'left' ? ':--' : '--:'));
  return [row(columns.map(({ title }) => title)), row(rule), ...rows.map(row)].join('\n');
}
