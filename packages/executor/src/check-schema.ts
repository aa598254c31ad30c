import { describeIssues, SymphonyError, type Schema } from '@symphony/core';

/**
 * What a schema makes of a value; the value itself where there is none.
 *
 * @param what how the message calls the value
 * @throws SymphonyError with the given code, naming every complaint
 */
export async function checkSchema(
  schema: Schema | undefined,
  value: unknown,
  code: 'INPUT_INVALID' | 'OUTPUT_INVALID',
  what: string,
): Promise<unknown> {
  if (schema === undefined) return value;
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  throw new SymphonyError(code, `${what} is not valid: ${describeIssues(result.issues)}`);
}
