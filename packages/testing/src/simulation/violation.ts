/** A promise that was broken; ends the simulation. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Says that a promise was broken unless it was kept. */
export function demand(isKept: boolean, promise: () => string): void {
  if (!isKept) throw new Violation(promise());
}
