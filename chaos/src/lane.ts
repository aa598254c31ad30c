/** What a lane is asked for. */
export interface LaneRequest {
  /** How often the fault shall strike; what is counted, the lane says. */
  readonly count: number;
  /** What is done is a function of it; when it happens among processes is not. */
  readonly seed: number;
  /** An empty folder for stores and evidence; it is kept when the lane does not end valid. */
  readonly folder: string;
  readonly log: (text: string) => void;
  /** The name of a bug that the lane plants in what it runs, to see that it finds it; a lane says which it knows. */
  readonly plant?: string;
}

/** What became of a run of a lane. */
export interface LaneReport {
  /**
   * `valid`: the faults struck and nothing was broken; `invalid`: a promise was broken; `vacuous`: too few faults struck
   * for the run to mean anything; `skipped`: this machine cannot do it, for the reason in `problems`.
   */
  readonly verdict: 'valid' | 'invalid' | 'vacuous' | 'skipped';
  /** What the run saw, first of all how often its fault really struck, by name, in the order to be printed. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** What was broken or missed, each in a sentence. */
  readonly problems: readonly string[];
}

/** One way to break things, repeated: started with `pnpm chaos --lane NAME --count N --seed S`. */
export interface Lane {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly about: string;
  /** What `count` counts: "kills", "seeds". */
  readonly unit: string;
  /** The lowest count that means something. Default 1. */
  readonly least?: number;
  /** How many a run in CI makes. */
  readonly small: number;
  run(request: LaneRequest): Promise<LaneReport>;
}
