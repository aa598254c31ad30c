import { join } from 'node:path';

/** The scratch folder of one run, and what lies where in it. */
export class Place {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The sources as they were. */
  original(packageName: string): string {
    return join(this.folder, 'original', packageName);
  }

  /** The sources that are repaired. */
  repaired(packageName: string): string {
    return join(this.folder, 'repaired', packageName);
  }

  /** The desk's record of edits. */
  ledger(packageName: string): string {
    return join(this.folder, `${packageName}.ledger`);
  }

  /** What the agents wrote down themselves. */
  get logbook(): string {
    return join(this.folder, 'logbook');
  }

  /** The store. */
  get database(): string {
    return join(this.folder, 'symphony.db');
  }
}
