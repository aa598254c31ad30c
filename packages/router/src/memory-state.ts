import type { JsonValue, StrategyState } from '@symphony/core';

/** State that lives as long as the process, for a router without a store. */
export function createMemoryState(): StrategyState {
  const values = new Map<string, { readonly text: string; readonly version: number }>();
  return {
    async get(key) {
      const stored = values.get(key);
      return stored && { value: JSON.parse(stored.text) as JsonValue, version: stored.version };
    },
    async set(key, value, version) {
      if ((values.get(key)?.version ?? 0) !== version) return false;
      values.set(key, { text: JSON.stringify(value), version: version + 1 });
      return true;
    },
  };
}

/** The part of a state that belongs to one strategy, so that two strategies cannot take each other's keys. */
export function scopeState(state: StrategyState, strategy: string): StrategyState {
  const scoped = (key: string): string => `strategy/${strategy}/${key}`;
  return {
    get: (key) => state.get(scoped(key)),
    set: (key, value, version) => state.set(scoped(key), value, version),
  };
}
