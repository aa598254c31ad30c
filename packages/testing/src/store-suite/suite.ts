import type { Clock, Store, StoreTraits } from '@symphony/core';
import type { Lab } from './lab.ts';

/** A kind of store, as the suite is told of it. */
export interface StoreUnderTest {
  /** How the tests call it: `SQLite, in a file`. */
  readonly name: string;
  /** What it says of itself. It decides which tests are skipped. */
  readonly traits: StoreTraits;
  /** Opens an empty store of its own, on the clock given. */
  open(options: { readonly clock: Clock }): Store | Promise<Store>;
  /**
   * Opens once more what `store` keeps. With `multiProcess` in the traits `store` may still be open; without it the suite
   * has closed it before. Needed where acknowledged writes survive anything.
   */
  reopen?(store: Store, options: { readonly clock: Clock }): Store | Promise<Store>;
  /** Like `reopen`, after the machine was started anew: leases of before are worth nothing. */
  reboot?(store: Store, options: { readonly clock: Clock }): Store | Promise<Store>;
  /** Tasks in the large graphs of the suite. Default 10,000. */
  readonly graphSize?: number;
}

/** Where the parts of the suite register their tests. */
export interface Suite {
  readonly subject: StoreUnderTest;
  /** A group of tests about one thing. */
  readonly group: (name: string, body: () => void) => void;
  /** A test on a store of its own; after it, the invariants are checked and the store is closed. */
  readonly test: (
    name: string,
    body: (lab: Lab) => Promise<void>,
    options?: { readonly skip?: string | false },
  ) => void;
}
