import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A small project with errors of many kinds: for tests, which lay it out where nobody else compiles it. */
export const fixture: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "shop", "version": "1.2.3", "type": "module" }\n',
  'tsconfig.json': `{
  // As strict as the users of this project like it.
  "compilerOptions": {
    "strict": true, "noUnusedLocals": true, "noImplicitOverride": true, "noUncheckedIndexedAccess": true,
    "module": "NodeNext", "target": "ES2022", "lib": ["ES2023"], "types": [], "checkJs": true, "allowJs": true
  },
  "include": ["src"]
}
`,
  'src/prices.ts': `export interface Price {
  amount: number;
  currency: string;
}

export function parsePrice(text: string): Price {
  const [amount, currency] = text.split(' ');
  return { amount: Number(amount), currency: currency.toUpperCase() };
}

export function total(prices) {
  let sum = 0;
  for (const price of prices) sum += price.amount;
  return sum;
}

export const sample = total([{ amount: 1, currency: 'EUR' }]);
`,
  'src/basket.ts': `import type { Price } from './prices.js';

class Shelf {
  label(): string {
    return 'shelf';
  }
}

export class Basket extends Shelf {
  owner: string;
  #prices: Price[] = [];

  label(): string {
    return 'basket';
  }

  add(text: string): void {
    this.#prices.push(parsePrice(text));
  }

  get first(): string {
    return this.#prices[0].currency;
  }

  get size(): number {
    return this.#prices.lenght;
  }
}
`,
  'src/load.ts': `async function read(name: string): Promise<string> {
  return name;
}

export function load(name: string): number {
  const text = await read(name);
  return text.length;
}

export function complain(work: () => void): string {
  const unused = 1;
  try {
    work();
    return '';
  } catch (error) {
    return \`failed: \${error.message}\`;
  }
}
`,
  'src/legacy.js': `import { sample } from './prices.js';

export function describe(what, count = sample) {
  return what.trim() + ' x ' + count;
}

export const text = describe('tea');
`,
  'src/hopeless.ts': `export const count: number = 'three <b>&amp;</b>' as const;
export const wrong: { a: { b: { c: number } } } = { a: { b: { c: [] } } };
`,
};

/** Lays the project out. */
export function writeFixture(folder: string, files: Readonly<Record<string, string>> = fixture): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}
