/** One step of an agent's code. */
interface CodeStep {
  readonly name: string;
  /** What is said to go into it. */
  readonly input: string;
}

/** The code of an agent, as one deployment has it. */
export interface Version {
  /** The id of the agent. */
  readonly agent: 'drafter' | 'author';
  readonly steps: readonly CodeStep[];
  /** Whether its schema wants more of the input than it once did. */
  readonly narrow: boolean;
}

const search: CodeStep = { name: 'search', input: 'web' };
const read: CodeStep = { name: 'read', input: 'pages' };
const write: CodeStep = { name: 'write', input: 'notes' };
const steps: readonly CodeStep[] = [search, read, write];

/** What may be deployed while tasks are under way, by what is changed. */
export const versions = {
  'as it was': { agent: 'drafter', narrow: false, steps },
  'a step renamed': { agent: 'drafter', narrow: false, steps: [{ ...search, name: 'find' }, read, write] },
  'a step removed': { agent: 'drafter', narrow: false, steps: [search, write] },
  'a step inserted': {
    agent: 'drafter',
    narrow: false,
    steps: [search, { name: 'sort', input: 'pages' }, read, write],
  },
  'another input of a step': { agent: 'drafter', narrow: false, steps: [{ ...search, input: 'archive' }, read, write] },
  'a narrower schema': { agent: 'drafter', narrow: true, steps },
  'the agent renamed': { agent: 'author', narrow: false, steps },
} as const satisfies Readonly<Record<string, Version>>;

/** The name of a version. */
export type VersionName = keyof typeof versions;

/** What a task is given. The narrower schema insists on a language. */
export interface DraftInput {
  readonly language: string | null;
  readonly ms: number;
}

/** What a process of the lane notes. */
export type CodeFact =
  | { readonly kind: 'begin'; readonly version: VersionName; readonly task: string; readonly attempt: number }
  | (Stepped & { readonly kind: 'effect' | 'passed' });

interface Stepped {
  readonly version: VersionName;
  readonly agent: string;
  readonly task: string;
  readonly attempt: number;
  readonly step: string;
  readonly input: string;
}

/** What a process of the lane is started with. */
export interface CodeConfig {
  readonly store: string;
  readonly notes: string;
  readonly version: VersionName;
}

/** Short, so that the work of the killed is soon taken over. */
export const codeLease = { leaseMs: 400, renewMs: 120, sweepMs: 100, pollMs: 100 } as const;
