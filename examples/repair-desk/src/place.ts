import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { DeskPlace } from './desk/desk-link.ts';
import type { Unit } from './desk/unit.ts';

/** The scratch folder of one run, and what lies where in it. */
export class Place {
  readonly folder: string;

  /** @param folder is made if it is not there */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    // The compiler names files by their real paths.
    this.folder = realpathSync(folder);
  }

  /** The sources as they were. */
  original(unit: string): string {
    return join(this.folder, 'original', encodeURIComponent(unit));
  }

  /** The sources that are repaired. */
  repaired(unit: string): string {
    return join(this.folder, 'repaired', encodeURIComponent(unit));
  }

  /** The desk's record of edits. */
  ledger(unit: string): string {
    return join(this.folder, `${encodeURIComponent(unit)}.ledger`);
  }

  /** A desk for a unit. */
  desk(unit: Unit, seats: number): DeskPlace {
    const { name } = unit;
    return {
      unit,
      original: this.original(name),
      repaired: this.repaired(name),
      ledger: this.ledger(name),
      seats,
    };
  }

  /** What the agents wrote down themselves. */
  get logbook(): string {
    return join(this.folder, 'logbook');
  }

  /** What the workers are to know. */
  get plan(): string {
    return join(this.folder, 'plan.json');
  }

  /** What there is to do. */
  get jobs(): string {
    return join(this.folder, 'jobs.json');
  }
}
