/** The middle value. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((first, second) => first - second);
  return sorted[sorted.length >> 1] as number;
}

/** From the smallest to the largest value, rounded. */
export function rangeOf(values: readonly number[]): string {
  return `${Math.round(Math.min(...values))}–${Math.round(Math.max(...values))}`;
}
