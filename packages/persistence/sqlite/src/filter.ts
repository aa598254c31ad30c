import type { PageQuery } from '@symphony/core';
import type { SqlValue } from './rows.ts';

/** The end of a SELECT, made of conditions that narrow each other, with the values to bind to it. */
export class Filter {
  readonly #conditions: string[] = [];
  readonly #values: SqlValue[] = [];
  #end = '';

  get text(): string {
    const where = this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`;
    return `${where} ${this.#end}`;
  }

  get values(): readonly SqlValue[] {
    return this.#values;
  }

  add(condition: string, value: SqlValue): void {
    this.#conditions.push(condition);
    this.#values.push(value);
  }

  among(column: string, values: readonly SqlValue[]): void {
    this.#conditions.push(`${column} IN (${values.map(() => '?').join(', ')})`);
    this.#values.push(...values);
  }

  order(order: string, limit: number): void {
    this.#end = `ORDER BY ${order} LIMIT ?`;
    this.#values.push(limit);
  }

  /** What all lists of records have in common. */
  page(query: PageQuery): void {
    const descends = query.order === 'descending';
    if (query.name !== undefined) this.add('name = ?', query.name);
    if (query.createdFrom !== undefined) this.add('created_at >= ?', query.createdFrom);
    if (query.createdBefore !== undefined) this.add('created_at < ?', query.createdBefore);
    if (query.after !== undefined) this.add(descends ? 'id < ?' : 'id > ?', query.after);
    this.order(descends ? 'id DESC' : 'id', query.limit);
  }
}
