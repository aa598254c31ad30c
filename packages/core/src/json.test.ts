import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, decodeJson, encodeJson, jsonDepthLimit, type JsonValue, type SymphonyError } from './index.ts';

const limit = 1024 * 1024;
const encode = (value: unknown): string => encodeJson(value, 'input', limit);
const roundTrip = (value: unknown): JsonValue => decodeJson(encode(value));

function refusalOf(action: () => unknown): SymphonyError {
  try {
    action();
  } catch (error) {
    return error as SymphonyError;
  }
  throw new Error('was not refused');
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

const throws = (): never => {
  throw new Error('no');
};

describe('JSON values are stored as they are', () => {
  it('null, booleans, finite numbers, strings, arrays and plain objects', () => {
    const value = { a: [null, true, false, 0, 1.5, -2e30, 'ä'], b: { c: {} } };
    expect(roundTrip(value)).toEqual(value);
  });

  it('as the text that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__":')); // that key is refused
        expect(encode(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('objects without a prototype and objects of another realm', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    const otherRealm = Object.assign(Object.create(Object.create(null) as object) as object, { a: 1 });
    expect(encode(bare)).toBe('{"a":1}');
    expect(encode(otherRealm)).toBe('{"a":1}');
  });

  it('one object in two places, which is no cycle', () => {
    const shared = { a: 1 };
    expect(encode([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  it('strings with NUL and lone surrogates, byte for byte', () => {
    for (const text of ['\u0000', 'a\ud800b', '\udfff', '\u2028', '"\\']) expect(roundTrip(text)).toBe(text);
  });

  it('a top-level undefined as null', () => {
    expect(encode(undefined)).toBe('null');
  });

  it('without the properties that are undefined', () => {
    expect(encode({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it('minus zero as zero', () => {
    expect(encode([-0])).toBe('[0]');
  });

  it('what toJSON returns instead of an object that has one', () => {
    const money = new (class Money {
      toJSON(): unknown {
        return { euro: new Date(0) };
      }
    })();
    expect(encode({ price: money })).toBe('{"price":{"euro":"1970-01-01T00:00:00.000Z"}}');
    expect(encode({ gone: { toJSON: () => undefined } })).toBe('{}');
  });

  it('a toJSON that is no function like any other member', () => {
    expect(encode({ toJSON: 1 })).toBe('{"toJSON":1}');
  });
});

describe('what is no JSON value is refused with its path', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = [cycle];
  const anonymous = new (class {})();
  const hostileArray: unknown[] = [1];
  Object.defineProperty(hostileArray, 0, { get: throws, enumerable: true });

  it.each<[string, unknown, string]>([
    ['undefined inside an array', { a: [1, undefined] }, 'input.a[1]'],
    ['undefined inside an array', [1, , 2], 'input[1]'],
    ['undefined inside an array', [{ toJSON: () => undefined }], 'input[0]'],
    ['a function', { a: { b: () => 1 } }, 'input.a.b'],
    ['a symbol', [Symbol('s')], 'input[0]'],
    ['a bigint', 10n, 'input'],
    ['the number NaN', { a: Number.NaN }, 'input.a'],
    ['the number Infinity', { a: Number.POSITIVE_INFINITY }, 'input.a'],
    ['the number -Infinity', { a: Number.NEGATIVE_INFINITY }, 'input.a'],
    ['a cycle', cycle, 'input.self[0]'],
    ['an instance of Map', { a: new Map() }, 'input.a'],
    ['an instance of Set', { a: new Set() }, 'input.a'],
    ['an instance of Error', new Error('x'), 'input'],
    ['an instance of RegExp', /x/, 'input'],
    ['an instance of Uint8Array', new Uint8Array(1), 'input'],
    ['an instance of String', new String('x'), 'input'],
    ['an instance of a class', anonymous, 'input'],
    ['an instance of Object', Math, 'input'],
    ['an instance of a class', { [Symbol.toStringTag]: 'Odd', constructor: undefined }, 'input'],
    ['a key named __proto__', JSON.parse('{"a":{"__proto__":1}}'), 'input.a.__proto__'],
    ['something that throws when it is read', { a: { get b() { return throws(); } } }, 'input.a.b'], // prettier-ignore
    ['something that throws when it is read', { a: { toJSON: throws } }, 'input.a'],
    ['something that throws when it is read', { a: hostileArray }, 'input.a[0]'],
    ['something that throws when it is read', { a: new Proxy({}, { ownKeys: throws }) }, 'input.a'],
    ['something that throws when it is read', { a: new Proxy({}, { getPrototypeOf: throws }) }, 'input.a'],
    ['something that throws when it is read', { get [Symbol.toStringTag]() { return throws(); } }, 'input'], // prettier-ignore
    [`nested deeper than ${jsonDepthLimit} levels`, nested(jsonDepthLimit + 1), `input${'[0]'.repeat(jsonDepthLimit)}`],
  ])('%s', (kind, value, path) => {
    const error = refusalOf(() => encode(value));
    expect(error).toMatchObject({ code: 'INVALID_JSON', details: { path } });
    expect(error.message).toContain(`${path} is ${kind}, which is no JSON value`);
  });

  it('what was thrown while a value was read is the cause', () => {
    const cause = new Error('no');
    const error = refusalOf(() => encode({ toJSON() { throw cause; } })); // prettier-ignore
    expect(error.cause).toBe(cause);
    expect('cause' in refusalOf(() => encode(1n))).toBe(false);
  });

  it('a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusalOf(() => encode([proxy]))).toMatchObject({ code: 'INVALID_JSON', details: { path: 'input[0]' } });
  });

  it('a toJSON that goes on for ever', () => {
    const endless = (): unknown => ({ toJSON: endless });
    expect(refusalOf(() => encode(endless())).message).toContain('nested deeper');
  });

  it('under the codes of the caller', () => {
    const codes = { invalid: 'RESULT_NOT_SERIALIZABLE', tooLarge: 'RESULT_TOO_LARGE' } as const;
    expect(refusalOf(() => encodeJson(1n, 'output', 10, codes)).code).toBe('RESULT_NOT_SERIALIZABLE');
    expect(refusalOf(() => encodeJson('x'.repeat(10), 'output', 10, codes)).code).toBe('RESULT_TOO_LARGE');
  });

  it('never anything but a coded error, whatever is passed', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
        }),
        (value) => {
          try {
            const text = encode(value);
            expect(JSON.stringify(JSON.parse(text))).toBe(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_JSON' });
          }
        },
      ),
    );
  });
});

describe('the depth limit', () => {
  it(`lets ${jsonDepthLimit} levels pass`, () => {
    expect(encode(nested(jsonDepthLimit))).toHaveLength(2 * jsonDepthLimit + 1);
  });
});

describe('the size limit', () => {
  it('is counted in bytes of UTF-8', () => {
    expect(encodeJson('ä'.repeat(4), 'input', 10)).toBe('"ääää"');
    const error = refusalOf(() => encodeJson('ä'.repeat(5), 'input', 10));
    expect(error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { what: 'input', limit: 10, got: 12 } });
    expect(error.message).toContain('input is larger than the limit of 10 bytes (got 12)');
  });

  it('refuses exactly what has more bytes than it, whatever the value', () => {
    const key = fc.string().filter((text) => text !== '__proto__');
    const member = fc.oneof(fc.jsonValue(), fc.date({ noInvalidDate: true }), fc.constant(undefined));
    fc.assert(
      fc.property(fc.dictionary(key, member), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":')); // that key is refused
        const bytes = Buffer.byteLength(text);
        expect(encodeJson(value, 'input', bytes)).toBe(text);
        expect(refusalOf(() => encodeJson(value, 'input', bytes - 1)).code).toBe('PAYLOAD_TOO_LARGE');
      }),
    );
  });

  it('refuses a string of 100 MB without building its text', () => {
    const huge = 'x'.repeat(100 * 1024 * 1024);
    const started = process.cpuUsage();
    const error = refusalOf(() => encode({ a: huge }));
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1_000).toBeLessThan(150); // milliseconds; building the text takes longer
    expect(error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(error.message).toBe(
      'input is larger than the limit of 1048576 bytes. Store the data elsewhere and pass a reference.',
    );
  });

  it('stops reading an endless value at the limit', () => {
    let reads = 0;
    const endless = new Proxy([], {
      get: (_target, key) => (key === 'length' ? 1e9 : key === 'toJSON' ? undefined : ++reads),
    });
    expect(refusalOf(() => encodeJson(endless, 'input', 1_000)).code).toBe('PAYLOAD_TOO_LARGE');
    expect(reads).toBeLessThan(1_002);
  });
});

it('text that is no JSON any more is called corrupt, and shown from its beginning', () => {
  const error = refusalOf(() => decodeJson(`{"a":${'x'.repeat(100)}`));
  expect(error).toMatchObject({ code: 'STORE_CORRUPT', cause: expect.any(SyntaxError) as SyntaxError });
  expect(error.message).toBe(`What was stored is no JSON any more: {"a":${'x'.repeat(55)}`);
});

describe('canonical JSON', () => {
  it('is the same text for equal values, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  });

  it('is other text for other values, and reads back as the value', () => {
    const value = fc.jsonValue() as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(value, value, (first, second) => {
        const text = canonicalJson(first);
        expect(decodeJson(text)).toEqual(decodeJson(JSON.stringify(first)));
        expect(text === canonicalJson(second)).toBe(canonicalJson(decodeJson(JSON.stringify(second))) === text);
      }),
    );
  });

  it('does not depend on the order in which keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse()) as JsonValue;
        expect(canonicalJson(reversed)).toBe(canonicalJson(value as JsonValue));
      }),
    );
  });
});
