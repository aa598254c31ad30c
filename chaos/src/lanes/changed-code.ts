import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal, SymphonyError, type Store, type SymphonyEvent, type TaskRecord } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { checkInvariants } from '@symphony/testing';
import { startServer } from '../../../packages/persistence/postgres/test/server.ts';
import {
  codeLease,
  versions,
  type CodeConfig,
  type CodeFact,
  type DraftInput,
  type VersionName,
} from '../changed-code/versions.ts';
import { Chance } from '../fleet/chance.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { bundle } from '../scene/bundle.ts';
import { toPlant, type Plant } from '../scene/plant.ts';
import { Crew } from '../scene/crew.ts';
import { tally } from '../scene/figures.ts';
import { readNotes, type Noted } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';

const workers = 2;
const agents = ['drafter', 'author'] as const;

/** Agents that come back with other code than the one that their tasks began with. */
export const changedCode: Lane = {
  name: 'changed-code',
  about: 'Deploys other code of an agent while workflows are under way: steps, inputs, schema and agent change.',
  unit: 'workflows',
  small: 8,
  run: runChangedCode,
};

/** Bugs to plant, by name. */
const plants = {
  'inputs of steps not compared': {
    file: 'executor/src/context.ts',
    find: 'inputHash !== recorded.inputHash',
    put: 'false',
  },
  'journal not read': { file: 'executor/src/context.ts', find: 'this.#journal.get(identity)', put: 'undefined' },
  'unused steps not told': { file: 'executor/src/attempt.ts', find: 'context?.unusedSteps ?? []', put: '[]' },
} as const satisfies Readonly<Record<string, Plant>>;

async function runChangedCode(request: LaneRequest): Promise<LaneReport> {
  const programs = join(request.folder, 'programs');
  const worker = join(import.meta.dirname, '../changed-code/worker.ts');
  await bundle(programs, { entries: { worker }, plant: toPlant(plants, request.plant) });
  const onSqlite = Math.ceil(request.count / 2);
  const sqlite = await play('sqlite', join(request.folder, 'runs.db'), onSqlite, request, programs);
  const server = await startServer();
  try {
    const postgres = await play('postgres', server.newUrl(), request.count - onSqlite, request, programs);
    const problems = [...sqlite.problems, ...postgres.problems];
    const isVacuous = sqlite.changed < onSqlite / 4 || postgres.changed < (request.count - onSqlite) / 4;
    return {
      verdict: problems.length > 0 ? 'invalid' : isVacuous ? 'vacuous' : 'valid',
      figures: { ...sqlite.figures, ...postgres.figures },
      problems,
    };
  } finally {
    await server.stop();
  }
}

interface Seen {
  readonly figures: Readonly<Record<string, string | number>>;
  readonly problems: readonly string[];
  /** Tasks of which two attempts ran different code, the first having recorded a step. */
  readonly changed: number;
}

async function play(
  name: string,
  place: string,
  count: number,
  { folder: root, seed, log }: LaneRequest,
  programs: string,
): Promise<Seen> {
  const folder = join(root, name);
  const chance = new Chance('changed-code', seed, name);
  const store = await openStore(place);
  const symphony = await ServiceRegistry.open({ persistence: store });
  const crew = new Crew({ programs, folder });
  const deployment = new Deployment(crew, chance, symphony, { store: place, notes: folder });
  try {
    deployment.begin();
    const open = new Set<string>();
    for (let number = 1; number <= count; number++) {
      const { id } = await symphony.getWorkflowTracker().createWorkflow({
        name: `run ${number}`,
        tasks: ['draft', 'review', 'publish'].map((key, index, keys) => ({
          ...{ key, name: key, requirements: { capabilities: ['draft'] } },
          input: { language: chance.next() < 0.8 ? 'en' : null, ms: chance.between(50, 250) } satisfies DraftInput,
          ...(index === 0 ? {} : { dependsOn: [keys[index - 1] as string] }),
          // Kills are a means here.
          retry: { maxRetries: 3, maxCrashes: 1_000_000, initialDelayMs: 20 },
        })),
      });
      open.add(id);
      // As many as are worked on at a time: nothing is changed in flight that only waits.
      while (open.size >= 8) await deployment.strike().then(() => dropSettled(store, open));
      log(`${name}: ${number} workflows begun, ${crew.endings.length} processes killed`);
    }
    while (open.size > 0 && deployment.strikes < 12 * count)
      await deployment.strike().then(() => dropSettled(store, open));
    // What is still open would hang for ever if it needed more than time.
    await deployment.rest();
    for (const end = performance.now() + 20_000; open.size > 0 && performance.now() < end; await wait(50))
      await dropSettled(store, open);
    const stubborn = await crew.close();
    const { tasks, events } = await checkInvariants(store);
    const judged = judge(tasks, events, readNotes<CodeFact>(folder));
    const problems = [
      ...judged.problems,
      ...[...open].map((id) => `workflow ${id} hangs: ${standing(tasks, id)}`),
      ...crew.endings.filter((ending) => ending !== 'SIGKILL').map((ending) => `a process ended with ${ending}`),
      ...(stubborn > 0 ? [`${stubborn} processes did not end when asked to`] : []),
    ];
    return {
      changed: judged.changed,
      problems: problems.map((problem) => `${name}: ${problem}`),
      figures: {
        [`${name}: deployments / kills`]: `${deployment.deployments} / ${crew.endings.length}`,
        [`${name}: tasks / changed in flight`]: `${tasks.length} / ${judged.changed}`,
        [`${name}: steps / replayed / run again`]: judged.steps,
        [`${name}: how tasks ended`]: tally(tasks.map(({ status, error }) => error?.code ?? status)),
        [`${name}: told of unused steps`]: judged.unused,
        [`${name}: moved to the renamed agent`]: judged.moved,
      },
    };
  } finally {
    await crew.close();
    await symphony.close();
    await store.close();
  }
}

/** What is left of a workflow, for whoever wants to know why it does not end. */
function standing(tasks: readonly TaskRecord[], workflowId: string): string {
  const open = tasks.filter((task) => task.workflowId === workflowId && !isTerminal(task.status));
  return open
    .map((task) => {
      const { id, status, attempt, agentId, boundTo, unroutable, openDependencies, dueAt } = task;
      return JSON.stringify({ id, status, attempt, agentId, boundTo, unroutable, openDependencies, dueAt });
    })
    .join(', ');
}

async function dropSettled(store: Store, open: Set<string>): Promise<void> {
  for (const id of open) if ((await store.getWorkflow(id))?.settledAt != null) open.delete(id);
}

/** Which code runs where, and how that changes. */
class Deployment {
  readonly #crew: Crew;
  readonly #chance: Chance;
  readonly #symphony: ServiceRegistry;
  readonly #config: Omit<CodeConfig, 'version'>;
  #version: VersionName = 'as it was';
  strikes = 0;
  deployments = 0;

  constructor(crew: Crew, chance: Chance, symphony: ServiceRegistry, config: Omit<CodeConfig, 'version'>) {
    this.#crew = crew;
    this.#chance = chance;
    this.#symphony = symphony;
    this.#config = config;
  }

  begin(): void {
    const next = (): CodeConfig => ({ ...this.#config, version: this.#version });
    for (let place = 0; place < workers; place++) this.#crew.keep('worker', next);
  }

  /** Kills one worker, which comes back with the newest code; or deploys another version everywhere at once. */
  async strike(): Promise<void> {
    this.strikes++;
    await wait(this.#chance.between(200, 600));
    if (this.#chance.next() < 0.85) {
      this.#change();
      const { running } = this.#crew;
      if (running.length > 0) this.#chance.pick(running).kill('SIGKILL');
      return;
    }
    this.#change();
    await this.#replaceAll();
  }

  /** Ends with code under which everything can go on: that of the beginning. */
  async rest(): Promise<void> {
    this.#version = 'as it was';
    await this.#replaceAll();
  }

  #change(): void {
    const others = (Object.keys(versions) as VersionName[]).filter((name) => name !== this.#version);
    // Half of the time what came before comes back, as when a deployment is taken back.
    this.#version =
      this.#version !== 'as it was' && this.#chance.next() < 0.5 ? 'as it was' : this.#chance.pick(others);
    this.deployments++;
  }

  async #replaceAll(): Promise<void> {
    for (const child of this.#crew.running) child.kill('SIGKILL');
    // An agent that is deployed no more is taken out of the catalogue, as those who deploy should.
    const { agent } = versions[this.#version];
    for (const id of agents) if (id !== agent) await this.#remove(id);
  }

  /** Removes an agent as soon as those who hosted it are known to be dead. */
  async #remove(id: string): Promise<void> {
    for (
      const end = performance.now() + 10 * codeLease.leaseMs;
      performance.now() < end;
      await wait(codeLease.sweepMs)
    ) {
      try {
        await this.#symphony.getAgentManager().removeAgent(id);
        return;
      } catch (error) {
        if (SymphonyError.is(error, 'AGENT_NOT_FOUND')) return;
        if (!SymphonyError.is(error, 'AGENT_HOSTED')) throw error;
      }
    }
  }
}

/** Why a task may fail by what was deployed; everything else is a fault of ours. */
const documented = ['STEP_MISMATCH', 'INPUT_INVALID', 'DEPENDENCY_FAILED'];

function judge(tasks: readonly TaskRecord[], events: readonly SymphonyEvent[], facts: readonly Noted<CodeFact>[]) {
  const problems: string[] = [];
  const logs = Map.groupBy(events, ({ subject }) => subject);
  const noted = Map.groupBy(
    [...facts].sort((one, other) => one.mono - other.mono),
    ({ task }) => task,
  );
  let [changed, unused, moved, ran, replayed, again] = [0, 0, 0, 0, 0, 0];
  for (const task of tasks) {
    const own = noted.get(task.id) ?? [];
    const code = task.error?.code;
    const begun = own.flatMap((fact) => (fact.kind === 'begin' ? [fact] : []));
    const last = begun.findLast(({ attempt }) => attempt === task.attempt);
    const found = followSteps(own);
    ran += found.ran;
    replayed += found.replayed;
    again += found.again;
    for (const problem of found.problems) problems.push(`${task.id}: ${problem}`);
    if (isTerminal(task.status) && task.status !== 'completed' && !documented.includes(code ?? ''))
      problems.push(`${task.id} is ${task.status} ${code ?? ''}: ${task.error?.message ?? ''}`);
    if (code === 'STEP_MISMATCH' && last?.version !== 'another input of a step' && !found.hadOtherInput)
      problems.push(`${task.id} is STEP_MISMATCH, and no step had another input`);
    if (task.status === 'completed' && last !== undefined && found.mismatchIn.has(task.attempt))
      problems.push(`${task.id} completed with a step that was recorded with another input`);
    if (code === 'INPUT_INVALID' && (JSON.parse(task.input) as DraftInput).language !== null)
      problems.push(`${task.id} is INPUT_INVALID, and every schema takes its input`);
    if (new Set(begun.filter(({ attempt }) => attempt >= found.firstRecorded).map(({ version }) => version)).size > 1)
      changed++;
    const log = logs.get(task.id) ?? [];
    const told = log.flatMap((event) => (event.type === 'task.steps_unused' ? event.data.steps : []));
    if (told.length > 0) unused++;
    if (task.status === 'completed' && last !== undefined) {
      const left = found
        .recordedFor(versions[last.version].agent)
        .filter((step) => !found.passedIn(task.attempt).includes(step));
      // Recorded, but killed before it could say so: the store knows of more than the notes.
      const missing = left.filter((step) => !told.includes(`${step}#1`));
      if (missing.length > 0) problems.push(`${task.id} was not told that ${missing.join(', ')} no longer occurs`);
      for (const step of told)
        if (found.passedIn(task.attempt).includes(step.replace('#1', '')))
          problems.push(`${task.id} was told that ${step} no longer occurs, and it does`);
    }
    if (new Set(own.flatMap((fact) => (fact.kind === 'begin' ? [] : [fact.agent]))).size > 1) moved++;
  }
  return { problems, changed, unused, moved, steps: `${ran} / ${replayed} / ${again}` };
}

/** Follows the steps of one task through its attempts. */
function followSteps(facts: readonly Noted<CodeFact>[]) {
  const problems: string[] = [];
  /** The input with which a step was recorded, by agent and name. */
  const recorded = new Map<string, string>();
  const effects = new Set<string>();
  const mismatchIn = new Set<number>();
  let [ran, replayed, again, firstRecorded, hadOtherInput] = [0, 0, 0, Infinity, false];
  for (const fact of facts) {
    if (fact.kind === 'begin') continue;
    const name = `${fact.agent}/${fact.step}`;
    if (fact.kind === 'effect') {
      ran++;
      if (effects.has(name)) again++;
      effects.add(name);
      if (recorded.has(name)) problems.push(`step ${fact.step} was recorded and ran again in attempt ${fact.attempt}`);
      hadOtherInput ||= fact.input === 'archive';
      continue;
    }
    const known = recorded.get(name);
    if (known !== undefined) {
      replayed++;
      if (known !== fact.input) mismatchIn.add(fact.attempt);
    }
    recorded.set(name, known ?? fact.input);
    firstRecorded = Math.min(firstRecorded, fact.attempt);
  }
  const passed = facts.flatMap((fact) => (fact.kind === 'passed' ? [fact] : []));
  return {
    ...{ problems, ran, replayed, again, firstRecorded, hadOtherInput, mismatchIn },
    recordedFor: (agent: string) =>
      [...recorded.keys()].flatMap((name) => (name.startsWith(`${agent}/`) ? [name.slice(agent.length + 1)] : [])),
    passedIn: (attempt: number) => passed.flatMap((fact) => (fact.attempt === attempt ? [fact.step] : [])),
  };
}
