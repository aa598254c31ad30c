import type { Command, CommitRequest } from '@symphony/core';
import { crashedOf, listName, stepName, type Needs } from './needs.ts';

/**
 * Notes what the commands of a flush will most likely ask for. Nothing depends on it but the number of round trips: what
 * is not foreseen is asked for when it is missing.
 */
export function foreseeCommit(requests: readonly CommitRequest[], needs: Needs): void {
  for (const { groups, claim } of requests) {
    for (const group of groups) for (const command of group) foresee(command, needs);
    if (claim === undefined || claim.limit < 1) continue;
    foreseeStart(claim.workerId, needs);
    needs.addClaim(claim.hosts, claim.limit);
    for (const agentId of claim.hosts) needs.agents.add(agentId);
  }
}

/** A worker that starts something must be there, and what has crashed there before decides what it may start beside that. */
function foreseeStart(workerId: string, needs: Needs): void {
  needs.workers.add(workerId);
  const crashed = crashedOf(workerId);
  needs.lists.set(listName(crashed), crashed);
}

function foresee(command: Command, needs: Needs): void {
  switch (command.type) {
    case 'createTask':
      needs.records.add(command.task.id);
      if (command.task.idempotencyKey !== null) needs.taskKeys.add(command.task.idempotencyKey);
      if (command.task.workflowId !== null) needs.workflows.add(command.task.workflowId);
      if (command.task.agentId !== null) needs.agents.add(command.task.agentId);
      for (const { taskId } of command.task.dependsOn) needs.rows.add(taskId);
      return;
    case 'createWorkflow':
      needs.workflows.add(command.workflow.id);
      if (command.workflow.idempotencyKey !== null) needs.workflowKeys.add(command.workflow.idempotencyKey);
      return;
    case 'spawn':
      needs.rows.add(command.id);
      needs.workflowsOf.add(command.id);
      if (command.task.idempotencyKey !== null) needs.taskKeys.add(command.task.idempotencyKey);
      if (command.task.agentId !== null) needs.agents.add(command.task.agentId);
      for (const { taskId } of command.task.dependsOn) needs.rows.add(taskId);
      return;
    case 'addTask':
      needs.records.add(command.taskId);
      needs.workflows.add(command.workflowId);
      return;
    case 'claimTask':
      needs.records.add(command.id);
      foreseeStart(command.workerId, needs);
      needs.workflowsOf.add(command.id);
      if (command.workflowId !== undefined) needs.workflows.add(command.workflowId);
      if (command.agentId !== undefined) needs.agents.add(command.agentId);
      return;
    case 'report':
      needs.records.add(command.id);
      if (command.command.type === 'complete') needs.dependants.add(command.id);
      if (command.command.type === 'fail') needs.workflowsOf.add(command.id);
      return;
    case 'route':
      needs.records.add(command.id);
      needs.workflowsOf.add(command.id);
      needs.agents.add(command.decision.agentId);
      if (command.claim) foreseeStart(command.workerId, needs);
      return;
    case 'recordStep':
      needs.rows.add(command.step.taskId);
      needs.steps.set(stepName(command.step), command.step);
      return;
    case 'progress':
    case 'note':
      needs.rows.add(command.id);
      return;
    case 'retryTask':
      needs.records.add(command.id);
      needs.workflowsOf.add(command.id);
      return;
    case 'submitTask':
    case 'defer':
    case 'reject':
    case 'unbind':
    case 'cancelTask':
      needs.records.add(command.id);
      return;
    case 'pauseWorkflow':
    case 'resumeWorkflow':
    case 'cancelWorkflow':
      needs.lockedWorkflows.add(command.id);
      return;
    case 'alignTasks':
      needs.workflows.add(command.workflowId);
      return;
    case 'registerAgent':
      needs.lockedAgents.add(command.config.id);
      needs.allWorkers = true;
      return;
    case 'enableAgent':
      needs.lockedAgents.add(command.id);
      return;
    case 'removeAgent':
      needs.lockedAgents.add(command.id);
      needs.allWorkers = true;
      return;
  }
}
