import { Tokens, type ServiceRegistry, type SymphonyEvent, type Task } from '@symphony/registry';
import { Logbook } from '../logbook.ts';
import type { Place } from '../place.ts';
import type { Evidence, RecordedStep } from './proof.ts';
import { tellStory, type Story } from './story.ts';

/** Gathers what the store and the agents have to say about the tasks of some workflows. */
export async function gatherEvidence(
  symphony: ServiceRegistry,
  workflowIds: readonly string[],
  place: Place,
): Promise<{ readonly stories: readonly Story[]; readonly evidence: Evidence }> {
  const store = symphony.get(Tokens.Store);
  const tasks: Task[] = [];
  for (const id of workflowIds) tasks.push(...(await symphony.getWorkflowTracker().getWorkflowTasks(id)));
  const histories = new Map<string, readonly SymphonyEvent[]>();
  const steps: RecordedStep[] = [];
  for (const { id } of tasks) {
    const history = await symphony.history(id);
    histories.set(id, history);
    const agents = new Set(history.flatMap((event) => (event.type === 'task.claimed' ? [event.data.agentId] : [])));
    for (const agentId of agents) steps.push(...(await store.steps(id, agentId)));
  }
  return {
    stories: tasks.map((task) => tellStory(task, histories.get(task.id) ?? [])),
    evidence: { submitted: tasks.map(({ id }) => id), histories, steps, logbook: new Logbook(place.logbook).read() },
  };
}
