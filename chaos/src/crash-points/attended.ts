import type { Store } from '@symphony/core';

/** Turns of the event loop in a row without a call under way after which a process counts as at rest. */
const quietTurns = 12;

/** A store whose calls can be waited for, and the wait. */
export interface Attended {
  /** The same store; from now on its calls are counted while they are under way. */
  attend(store: Store): Store;
  /** Resolves when no call is under way and nothing follows from the last one: only then may virtual time pass. */
  readonly settle: () => Promise<void>;
}

/** Lets virtual time stand still while a server, which knows nothing of it, is at work. */
export function attended(): Attended {
  let underWay = 0;
  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    underWay++;
    try {
      return await call();
    } finally {
      underWay--;
    }
  };
  return {
    attend: (store) =>
      new Proxy(store, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          if (typeof value !== 'function') return value;
          const method = value.bind(target) as (...parameters: readonly unknown[]) => unknown;
          // The only method that answers at once.
          if (key === 'onChange') return method;
          return (...parameters: readonly unknown[]) => counted(async () => method(...parameters));
        },
      }),
    settle: async () => {
      for (let quiet = 0; quiet < quietTurns;) {
        await new Promise<void>((resolve) => void setImmediate(resolve));
        quiet = underWay === 0 ? quiet + 1 : 0;
      }
    },
  };
}
