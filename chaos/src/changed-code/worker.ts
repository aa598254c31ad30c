// A worker of the changed-code lane: runs the agent in the version that it is told.
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent, Schema, Task } from '@symphony/core';
import { Notes } from '../scene/notes.ts';
import { readConfig, serve } from '../scene/serve.ts';
import { codeLease, versions, type CodeConfig, type CodeFact, type DraftInput, type Version } from './versions.ts';

const config = readConfig<CodeConfig>();
const notes = new Notes<CodeFact>(config.notes);
const { version } = config;
const code: Version = versions[version];

const withLanguage: Schema<DraftInput> = {
  '~standard': {
    version: 1,
    vendor: 'chaos',
    validate: (value) =>
      (value as DraftInput).language === null
        ? { issues: [{ message: 'required', path: ['language'] }] }
        : { value: value as DraftInput },
  },
};

const agent: Agent<DraftInput> = {
  id: code.agent,
  capabilities: ['draft'],
  ...(code.narrow ? { input: withLanguage } : {}),
  async run({ id, input }: Task<DraftInput>, context) {
    const { attempt } = context;
    notes.write({ kind: 'begin', version, task: id, attempt });
    for (const { name, input: from } of code.steps) {
      const fact = { version, agent: code.agent, task: id, attempt, step: name, input: from };
      const act = async (): Promise<string> => {
        await wait(input.ms);
        notes.write({ kind: 'effect', ...fact });
        return name;
      };
      await context.step(name, act, { input: from });
      notes.write({ kind: 'passed', ...fact });
    }
    return version;
  },
};

await serve({ store: config.store, agents: [agent], lease: codeLease, concurrency: 4 });
