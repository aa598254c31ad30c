import { toAgent, toAgentConfig, type AgentLike, type AnyAgent } from '@symphony/core';

/**
 * Makes an agent of what was passed as one, and checks all of it: one that runs without being registered has the same
 * limits as one that is.
 *
 * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`
 */
export function checkAgent(value: AgentLike): AnyAgent {
  const agent = toAgent(value);
  toAgentConfig(agent);
  return agent;
}
