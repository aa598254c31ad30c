/** The median and the 99th percentile of some times, as they are printed; a dash if there is none. */
export function percentiles(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return sorted.length === 0 ? '–' : `${Math.round(at(0.5))} / ${Math.round(at(0.99))}`;
}

/** How often each comes, most first: "STORE_FULL 12, LEASE_LOST 3". */
export function tally(items: readonly string[]): string {
  const counts = [...Map.groupBy(items, (item) => item)].map(([item, found]) => [item, found.length] as const);
  const sorted = counts.sort(([, one], [, other]) => other - one);
  return sorted.map(([item, count]) => `${item} ${count}`).join(', ') || 'none';
}
