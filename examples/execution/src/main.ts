// The tour: workflows, hooks, retries, batches, and every way to route. Run it: pnpm example execution
import { RoutingStrategies, ServiceRegistry, TerminalError, type Agent, type Task } from '@symphony/registry';

const researcher: Agent = {
  id: 'researcher',
  description: 'Finds sources and facts about a topic on the web and in papers.',
  capabilities: ['research', 'web'],
  examples: ['find three sources about solar power'],
  run: (task: Task<string>) => `facts about ${task.input}`,
};
const writer: Agent = {
  id: 'writer',
  description: 'Writes and edits prose: articles, summaries, letters.',
  capabilities: ['writing'],
  examples: ['write a summary for the newsletter'],
  run: (task: Task<string>) => `an article on ${task.input}`,
};
const coder: Agent = {
  id: 'coder',
  description: 'Fixes bugs and writes tests in TypeScript code.',
  capabilities: ['code', 'testing'],
  examples: ['fix the failing login test'],
  run: (task: Task<string>) => `a patch for ${task.input}`,
};

const symphony = await ServiceRegistry.open({ persistence: 'sqlite::memory:', agents: [researcher, writer, coder] });
const tasks = symphony.getTaskManager();
const workflows = symphony.getWorkflowTracker();
const executor = symphony.getEnhancedExecutor();

// 1. Workflow tracking: a workflow is a collection of tasks, and its status a function of theirs.
title('Workflow');
const newsletter = await workflows.createWorkflow({
  name: 'newsletter',
  description: 'One issue, from facts to text.',
});
const research = await tasks.createTask({ name: 'research', input: 'solar power' });
const draft = await tasks.createTask({ name: 'draft', input: 'solar power', priority: 5 });
for (const { id } of [research, draft]) await workflows.addTaskToWorkflow(newsletter.id, id);
say('before', await workflows.computeWorkflowStatus(newsletter.id));

// 2. Hooks run before and after an agent. One that throws afterwards changes nothing: the result is already stored.
const done = await executor.executeTask(research.id, researcher, {
  workflowId: newsletter.id,
  preExecutionHook: (task, agent) => say('pre-hook', `${agent.id} starts ${task.name}`),
  postExecutionHook: (task, _agent, result) => {
    say('post-hook', `${task.name} gave ${JSON.stringify(result)}`);
    throw new Error('the hook failed, the task did not');
  },
});
say('executeTask', `${done.status}: ${JSON.stringify(done.output)}`);
say('half-way', await workflows.computeWorkflowStatus(newsletter.id));
await executor.executeTask(draft.id, writer);
say('at the end', await workflows.computeWorkflowStatus(newsletter.id));

// 3. Retries: exponential backoff with full jitter, unless the error says that trying again is of no use.
title('Retry');
let tries = 0;
const flaky: Agent = {
  id: 'flaky',
  run: () => {
    if (++tries < 3) throw new Error('the service is busy');
    return `worked at try ${tries}`;
  },
};
const patient = await tasks.createTask({ name: 'call a busy service' });
const retried = await executor.executeWithRetry(patient.id, flaky, { maxRetries: 3, retryDelay: 20 });
say('executeWithRetry', `${retried.status}: ${JSON.stringify(retried.output)}, after ${retried.failures} failures`);
const hopeless = await tasks.createTask({ name: 'call with a wrong key' });
const failed = await executor.executeWithRetry(hopeless.id, {
  id: 'strict',
  run: () => {
    throw new TerminalError('the key is wrong', { code: 'WRONG_KEY' });
  },
});
say('TerminalError', `${failed.status} after ${failed.attempt} attempt: ${failed.error?.code ?? ''}`);

// 4. A batch: at most so many at once, results in the order of the input, one failure stops nobody else.
title('Batch');
const numbers = await Promise.all(
  [1, 2, 3, 4, 5, 6].map((input) => tasks.createTask({ name: `square ${input}`, input })),
);
let now = 0;
let most = 0;
const square: Agent = {
  id: 'square',
  run: async (task: Task<number>) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    if (task.input === 4) throw new Error('four is not my number');
    return task.input ** 2;
  },
};
const batch = await executor.batchExecute(
  numbers.map(({ id }) => [id, square] as const),
  { maxConcurrent: 2 },
);
say(
  'batchExecute',
  batch.map(({ status, output }) => (status === 'completed' ? JSON.stringify(output) : status)).join(' '),
);
say('at most at once', String(most));

// 5. Routing: the same tasks, by each strategy. Every decision can be explained.
title('Routing');
const work = [
  { name: 'fix the failing login test', tags: ['code'] },
  { name: 'write a summary of the quarter', tags: ['writing'] },
  { name: 'find sources about wind power', tags: ['research', 'web'] },
];
const router = symphony.getTaskRouter();
for (const strategy of [
  RoutingStrategies.RoundRobin,
  RoutingStrategies.CapabilityMatch,
  RoutingStrategies.ContentMatch,
  RoutingStrategies.LoadBalanced,
]) {
  router.setStrategy(strategy);
  const chosen: string[] = [];
  for (const task of work) chosen.push(await router.routeTask(task));
  say(strategy, chosen.join(', '));
}
router.setStrategy(RoutingStrategies.ContentMatch);
const { agentId, candidates } = await router.explain({ name: 'fix the failing login test' });
say('explain', `${agentId}: ${candidates[0]?.reasons.join('; ') ?? ''}`);

// 6. A router of your own: any function of the task and its candidates.
router.setCustomRouter((task) => (task.name.length > 28 ? 'writer' : 'researcher'));
say('custom', (await Promise.all(work.map((task) => router.routeTask(task)))).join(', '));

// 7. Nobody is capable: an error with a code, not a surprise.
const impossible = { name: 'fly to the moon', requirements: { capabilities: ['rocketry'] } };
await router.routeTask(impossible).catch((error: { code?: string }) => say('nobody', error.code ?? ''));

await symphony.close();

function title(text: string): void {
  console.log(`\n${text}`);
}

function say(what: string, text: string): void {
  console.log(`  ${what.padEnd(18)}${text}`);
}
