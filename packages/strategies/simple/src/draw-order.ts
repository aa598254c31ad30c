import type { Random } from '@symphony/core';

/** The items in an order that a draw decides (Fisher–Yates): sorted stably afterwards, equals stay in drawn order. */
export function drawOrder<T>(items: Iterable<T>, random: Random): T[] {
  const drawn = [...items];
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [drawn[last], drawn[other]] = [drawn[other]!, drawn[last]!];
  }
  return drawn;
}
