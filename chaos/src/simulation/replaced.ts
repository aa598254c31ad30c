import type { Store } from '@symphony/core';

/** A store of which some methods are others. */
export function replaced(store: Store, instead: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, key: keyof Store) {
      const value: unknown = Reflect.get(key in instead ? instead : target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
