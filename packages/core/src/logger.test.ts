import { afterEach, expect, it, vi } from 'vitest';
import { silentLogger, stderrLogger, SymphonyError } from './index.ts';

afterEach(() => void vi.restoreAllMocks());

it('the silent logger writes nothing', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  for (const level of ['debug', 'info', 'warn', 'error'] as const) silentLogger[level]({}, 'x');
  expect(written).not.toHaveBeenCalled();
});

it('the stderr logger writes warnings and errors only, one line of JSON each', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  stderrLogger.debug({ a: 1 }, 'x');
  stderrLogger.info({ a: 1 }, 'x');
  stderrLogger.warn({ taskId: 'tsk_1' }, 'slow');
  stderrLogger.error({ error: new SymphonyError('STORE_FAILED', 'two\nlines') }, 'broken');
  expect(written.mock.calls.map(([text]) => JSON.parse(String(text)) as unknown)).toEqual([
    { level: 'warn', message: 'slow', taskId: 'tsk_1' },
    {
      level: 'error',
      message: 'broken',
      error: { name: 'SymphonyError', message: 'two\nlines', code: 'STORE_FAILED' },
    },
  ]);
  expect(written.mock.calls.some(([text]) => String(text).includes('\n'))).toBe(false);
});
