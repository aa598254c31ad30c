import { createHash } from 'node:crypto';
import { canonicalJson, decodeJson, type JsonValue, type NewTaskRecord, type SubmitTask } from '@symphony/core';

/** Hash of all that a caller gave, before defaults: what tells a repeat from a conflict under one key. */
export function hashOf(given: object): string {
  const { idempotencyKey: _, ...rest } = given as { readonly idempotencyKey?: string };
  return createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(rest)) as JsonValue))
    .digest('base64url');
}

/** What a task was created from, as it is compared: in the words of JSON, and times as numbers. */
export function comparableTask(
  given: Omit<SubmitTask, 'workflowId'>,
  { input, metadata, dueAt }: NewTaskRecord,
): object {
  return {
    ...given,
    input: decodeJson(input),
    metadata: decodeJson(metadata),
    ...(given.dueAt === undefined ? {} : { dueAt }),
  };
}
