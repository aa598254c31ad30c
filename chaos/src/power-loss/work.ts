/** What the traced program is started with. */
export interface RecorderConfig {
  readonly store: string;
  readonly acknowledgements: string;
  readonly synchronous: 'full' | 'normal';
  readonly seed: number;
  readonly tasks: number;
  /** Whether it is the one that submits; else it only works. */
  readonly submits: boolean;
}

/** What was acknowledged, written down outside the store as soon as it was. */
export type Acknowledgement =
  | { readonly kind: 'submitted'; readonly task: string }
  | { readonly kind: 'workflow'; readonly workflow: string; readonly tasks: number }
  | { readonly kind: 'step'; readonly task: string; readonly agent: string; readonly step: string }
  | { readonly kind: 'cancelled'; readonly task: string }
  | { readonly kind: 'ended'; readonly task: string; readonly status: string; readonly output: string };

/** What a task is to do. */
export interface RecordedWork {
  readonly steps: number;
  readonly characters: number;
}
