/** Where two plain values first differ, and how, in one line; undefined where they are the same. */
export function difference(first: unknown, second: unknown, path = ''): string | undefined {
  if (Object.is(first, second)) return undefined;
  if (!isObject(first) || !isObject(second) || Array.isArray(first) !== Array.isArray(second)) {
    return `${path === '' ? 'the value' : path}: ${short(first)} and ${short(second)}`;
  }
  for (const key of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const found = difference(first[key], second[key], Array.isArray(first) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A value as a message shows it. */
export function short(value: unknown, limit = 300): string {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' && part.length > 60 ? `${part.slice(0, 40)}… (${part.length} characters)` : part,
  );
  if (text === undefined) return 'undefined';
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
