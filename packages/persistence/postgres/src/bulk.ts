import type { Column, SqlValue } from './columns.ts';
import { statement, type Statement } from './trip.ts';

/** The names of columns, as SQL lists them. */
export function namesOf(columns: readonly Pick<Column<never>, 'name'>[]): string {
  return columns.map(({ name }) => name).join(', ');
}

/** Many rows as a table of SQL: one parameter for each column, an array of its values. */
function table(columns: readonly Column<never>[]): string {
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`);
  return `unnest(${arrays.join(', ')}) AS given(${namesOf(columns)})`;
}

/** The parameters that such a table takes. */
export function valuesOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly SqlValue[][] {
  return columns.map(({ value }) => rows.map(value));
}

/** Inserts many rows, in the order given or in one that two transactions agree on. */
export function insertAll(name: string, columns: readonly Column<never>[], order?: string): Statement {
  const names = namesOf(columns);
  const ordered = order === undefined ? '' : ` ORDER BY ${order}`;
  return statement(`INSERT INTO ${name} (${names}) SELECT ${names} FROM ${table(columns)}${ordered}`);
}

/** Sets some columns of many rows, which the first of the columns names. They have to be locked already. */
export function updateAll(name: string, columns: readonly Column<never>[], sets: readonly string[]): Statement {
  const [key] = columns;
  return statement(
    `UPDATE ${name} AS stored SET ${sets.join(', ')} FROM ${table(columns)} WHERE stored.${key?.name} = given.${key?.name}`,
  );
}

/** Sets a column to what is given. */
export function take({ name }: Pick<Column<never>, 'name'>): string {
  return `${name} = given.${name}`;
}
