import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '@symphony/core';

/** Hash of all that a caller gave, before defaults: what tells a repeat from a conflict under one key. */
export function hashOf(given: object): string {
  const { idempotencyKey: _, ...rest } = given as { readonly idempotencyKey?: string };
  return createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(rest)) as JsonValue))
    .digest('base64url');
}
