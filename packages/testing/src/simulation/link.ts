import type { Command, CommitRequest, Store, StoreTraits, StrategyState, SweepRequest } from '@symphony/core';

/** A call of the store on its way there. */
export interface Call {
  readonly method: string;
  /** What it asks for, for whoever reads the trace. */
  readonly what: string;
  readonly writes: boolean;
  /** What is committed, if it is a commit. */
  readonly commit?: CommitRequest;
  /** The parameter of any other call. */
  readonly parameter?: unknown;
  /** Carries it out at the store. `heldUpMs` is how long it was on its way. */
  readonly carryOut: (store: Store, heldUpMs: number) => Promise<unknown>;
}

/** What brings calls to the store and answers back. */
export interface Carrier {
  send(call: Call): Promise<unknown>;
  listen(listener: () => void): () => void;
}

/** The store as one process sees it: every call of it goes over a network. */
export class Link implements Store {
  readonly traits: StoreTraits;
  readonly state: StrategyState;
  readonly #carrier: Carrier;

  constructor(traits: StoreTraits, carrier: Carrier) {
    this.traits = traits;
    this.#carrier = carrier;
    this.state = {
      get: (key) => this.#read('state.get', key, (store) => store.state.get(key)),
      set: (key, value, version) => this.#write('state.set', key, (store) => store.state.set(key, value, version)),
    };
  }

  commit(commit: CommitRequest): ReturnType<Store['commit']> {
    const call = { method: 'commit', what: describeCommit(commit), writes: true, commit };
    return this.#send({ ...call, carryOut: (store) => store.commit(commit) });
  }

  getTask(id: string): ReturnType<Store['getTask']> {
    return this.#read('getTask', id, (store) => store.getTask(id));
  }

  listTasks(query: Parameters<Store['listTasks']>[0]): ReturnType<Store['listTasks']> {
    return this.#read('listTasks', undefined, (store) => store.listTasks(query));
  }

  getWorkflow(id: string): ReturnType<Store['getWorkflow']> {
    return this.#read('getWorkflow', id, (store) => store.getWorkflow(id));
  }

  listWorkflows(query: Parameters<Store['listWorkflows']>[0]): ReturnType<Store['listWorkflows']> {
    return this.#read('listWorkflows', undefined, (store) => store.listWorkflows(query));
  }

  events(query: Parameters<Store['events']>[0]): ReturnType<Store['events']> {
    return this.#read('events', query.subject, (store) => store.events(query));
  }

  lastPosition(): Promise<number> {
    return this.#read('lastPosition', undefined, (store) => store.lastPosition());
  }

  steps(taskId: string, agentId: string): ReturnType<Store['steps']> {
    return this.#read('steps', taskId, (store) => store.steps(taskId, agentId));
  }

  agents(): ReturnType<Store['agents']> {
    return this.#read('agents', undefined, (store) => store.agents());
  }

  loads(): ReturnType<Store['loads']> {
    return this.#read('loads', undefined, (store) => store.loads());
  }

  openWorker(worker: Parameters<Store['openWorker']>[0]): Promise<void> {
    return this.#write('openWorker', worker.id, (store) => store.openWorker(worker), worker);
  }

  renew(worker: Parameters<Store['renew']>[0]): ReturnType<Store['renew']> {
    return this.#write('renew', worker.id, (store) => store.renew(worker), worker);
  }

  holding(workerId: string): ReturnType<Store['holding']> {
    return this.#read('holding', workerId, (store) => store.holding(workerId));
  }

  closeWorker(workerId: string): Promise<void> {
    return this.#write('closeWorker', workerId, (store) => store.closeWorker(workerId));
  }

  worker(id: string): ReturnType<Store['worker']> {
    return this.#read('worker', id, (store) => store.worker(id));
  }

  sweep(request: SweepRequest): ReturnType<Store['sweep']> {
    // As the port demands of whoever brings it there: what was held up for long must not judge others.
    const carryOut = (store: Store, heldUpMs: number): ReturnType<Store['sweep']> =>
      store.sweep(heldUpMs > (request.patienceMs ?? Infinity) ? { ...request, markDead: false } : request);
    return this.#write('sweep', undefined, carryOut);
  }

  prune(request: Parameters<Store['prune']>[0]): ReturnType<Store['prune']> {
    return this.#write('prune', undefined, (store) => store.prune(request));
  }

  stats(): ReturnType<Store['stats']> {
    return this.#read('stats', undefined, (store) => store.stats());
  }

  onChange(listener: () => void): () => void {
    return this.#carrier.listen(listener);
  }

  /** The store is not this process's to close. */
  async close(): Promise<void> {
    // nothing to do
  }

  #read<T>(method: string, about: string | undefined, carryOut: (store: Store) => Promise<T>): Promise<T> {
    return this.#send({ method, what: describeCall(method, about), writes: false, carryOut });
  }

  #write<T>(
    method: string,
    about: string | undefined,
    carryOut: (store: Store, heldUpMs: number) => Promise<T>,
    parameter: unknown = about,
  ): Promise<T> {
    return this.#send({ method, what: describeCall(method, about), writes: true, parameter, carryOut });
  }

  #send<T>(call: Call & { readonly carryOut: (store: Store, heldUpMs: number) => Promise<T> }): Promise<T> {
    return this.#carrier.send(call) as Promise<T>; // what comes back is what `carryOut` has answered
  }
}

function describeCall(method: string, about: string | undefined): string {
  return about === undefined ? method : `${method} ${about}`;
}

function describeCommit({ groups, claim }: CommitRequest): string {
  const parts = groups.map((group) => group.map(describeCommand).join(' + '));
  if (claim !== undefined) parts.push(`claim ${claim.limit} for ${claim.workerId}`);
  return parts.join(', ');
}

function describeCommand(command: Command): string {
  switch (command.type) {
    case 'report':
      return `${command.command.type} ${command.id}#${command.attempt}`;
    case 'recordStep':
      return `recordStep ${command.step.identity} of ${command.step.taskId}#${command.step.attempt}`;
    case 'progress':
    case 'spawn':
      return `${command.type} ${command.id}#${command.attempt}`;
    case 'createTask':
      return `createTask ${command.task.id} "${command.task.name}"`;
    case 'createWorkflow':
      return `createWorkflow ${command.workflow.id} "${command.workflow.name}"`;
    case 'addTask':
      return `addTask ${command.taskId} to ${command.workflowId}`;
    case 'alignTasks':
      return `alignTasks ${command.workflowId}`;
    case 'registerAgent':
      return `registerAgent ${command.config.id}`;
    default:
      return `${command.type} ${command.id}`;
  }
}
