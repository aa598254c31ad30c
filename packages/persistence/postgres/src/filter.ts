import type { PageQuery } from '@symphony/core';

/** The end of a SELECT, made of conditions that narrow each other, with the values to bind to it. */
export class Filter {
  readonly #conditions: string[] = [];
  readonly #values: unknown[] = [];
  #end = '';

  get text(): string {
    const where = this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`;
    return `${where} ${this.#end}`;
  }

  get values(): readonly unknown[] {
    return this.#values;
  }

  /** @param condition one with `?` in the place of its value */
  add(condition: string, value: unknown): void {
    this.#conditions.push(condition.replace('?', this.#bind(value)));
  }

  among(column: string, values: readonly string[]): void {
    this.add(`${column} = ANY (?::text[])`, values);
  }

  order(order: string, limit: number): void {
    this.#end = `ORDER BY ${order} LIMIT ${this.#bind(limit)}`;
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

  #bind(value: unknown): string {
    this.#values.push(value);
    return `$${this.#values.length}`;
  }
}
