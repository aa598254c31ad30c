/** What can be stored: null, finite numbers, strings, booleans, arrays and plain objects of these. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
