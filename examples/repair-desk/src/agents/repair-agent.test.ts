import { ServiceRegistry, type SymphonyEvent } from '@symphony/registry';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Compiler } from '../desk/compiler.ts';
import { Desk } from '../desk/desk.ts';
import { propose } from '../desk/propose.ts';
import type { Unit } from '../desk/unit.ts';
import { layOut, prepareJob, submitJob, type Job } from '../job.ts';
import { Logbook } from '../logbook.ts';
import { Place } from '../place.ts';
import { writeFixture } from '../project/fixture.ts';
import { strictSettings } from '../project/settings.ts';
import { recipes } from './index.ts';
import { repairAgent, type DeskAccess } from './repair-agent.ts';

let folder: string;
let place: Place;
let unit: Unit;
let job: Job;
let desk: Desk;

const source = 'function twice(value) {\n  return value * 2;\n}\nexport const four = twice(2);\n';
const repaired = source.replace('(value)', '(value: number)');
const read = (): string => readFileSync(join(place.repaired(unit.name), 'a.ts'), 'utf8');

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'repair-agent-')));
  const root = join(folder, 'project');
  writeFixture(root, { 'a.ts': source });
  place = new Place(join(folder, 'place'));
  const settings = strictSettings('Preserve');
  unit = { name: 'u', root, files: ['a.ts'], others: [], settings, mayReveal: false, isOwned: true };
  layOut(unit, place);
  job = prepareJob(unit, place);
  const compiler = (): Compiler => new Compiler(unit, place.repaired(unit.name));
  desk = new Desk({ ...place.desk(unit, 1), compiler });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The desk in this thread; after each proposal something may happen. */
function access(meanwhile: () => void): DeskAccess {
  return {
    seated: (work) =>
      work({
        async propose(agent, editId, problem) {
          const proposal = propose(
            recipes.find(({ id }) => id === agent)!,
            desk.bench,
            editId,
            problem,
          );
          meanwhile();
          return proposal;
        },
      }),
    exclusively: (work) => work(),
    apply: async (edit) => desk.apply(edit),
    judge: async (edit) => desk.judge(edit),
    undo: async (edit) => desk.undo(edit),
  };
}

/** Lets the agent do the only task, and answers its log. */
async function repair(meanwhile: () => void): Promise<readonly SymphonyEvent[]> {
  const recipe = recipes.find(({ id }) => id === 'parameter-types')!;
  const agent = repairAgent(recipe, () => access(meanwhile), new Logbook(place.logbook));
  const symphony = await ServiceRegistry.open({ agents: [agent] });
  try {
    const workflow = await submitJob(symphony, job, 0);
    const [task] = await symphony.getWorkflowTracker().getWorkflowTasks(workflow);
    await symphony.startWorker();
    await symphony.getTaskManager().handle(task!.id).result();
    return await symphony.history(task!.id);
  } finally {
    await symphony.close();
  }
}

const retries = (events: readonly SymphonyEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'task.retry_scheduled' ? [event.data.error.message] : []));

describe('a repair agent', () => {
  test('is done in one attempt where nobody comes in between', async () => {
    expect(retries(await repair(() => undefined))).toEqual([]);
    expect(read()).toBe(repaired);
  });

  test('fails in a way worth another try when another agent has changed the file, and repairs the new text', async () => {
    let isFirst = true;
    const events = await repair(() => {
      if (!isFirst) return;
      isFirst = false;
      const edit = desk.bench.edit('other', join(unit.root, 'a.ts'), [{ start: 0, end: 0, text: '// other\n' }], '');
      desk.apply(edit);
    });
    expect(retries(events)).toEqual(['a.ts has changed since the repair was worked out']);
    expect(events.at(-1)?.type).toBe('task.completed');
    expect(read()).toBe(`// other\n${repaired}`);
  });

  test('does so as well when the owner has edited the file, and leaves the edit alone', async () => {
    let edits = 0;
    const events = await repair(() => {
      if (edits++ < 2) writeFileSync(join(unit.root, 'a.ts'), `// mine ${edits}\n${source}`);
    });
    expect(retries(events)).toHaveLength(2);
    expect(read()).toBe(`// mine 2\n${repaired}`);
    expect(readFileSync(join(unit.root, 'a.ts'), 'utf8')).toBe(`// mine 2\n${source}`);
  });

  test('finds the problem gone when the owner has repaired it', async () => {
    let isFirst = true;
    const events = await repair(() => {
      if (isFirst) writeFileSync(join(unit.root, 'a.ts'), source.replace('(value)', '(value: 2)'));
      isFirst = false;
    });
    expect(events.at(-1)?.type).toBe('task.completed');
    expect(read()).toContain('(value: 2)');
  });
});
