import { describe, expect, it } from 'vitest';
import {
  errorCodes,
  errorTextLimit,
  fromTaskError,
  RetryAfterError,
  SymphonyError,
  TerminalError,
  toTaskError,
} from './index.ts';

describe('error codes', () => {
  it('are upper snake case, and each says in a sentence what it means', () => {
    for (const [code, meaning] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('SymphonyError', () => {
  it('carries a stable code, the details and the cause', () => {
    const cause = new Error('disk');
    const error = new SymphonyError('STORE_FAILED', 'It broke.', { details: { file: 'a.db' }, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'SymphonyError',
      code: 'STORE_FAILED',
      message: 'It broke.',
      details: { file: 'a.db' },
      cause,
    });
  });

  it('has empty details and no cause unless they are given', () => {
    const error = new SymphonyError('STORE_FAILED', 'It broke.');
    expect(error.details).toEqual({});
    expect('cause' in error).toBe(false);
  });

  it('is recognised by a marker that another copy of the package shares', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('symphony.error')]: true, code: 'POISON' });
    expect(SymphonyError.is(foreign)).toBe(true);
    expect(SymphonyError.is(foreign, 'POISON')).toBe(true);
    expect(SymphonyError.is(foreign, 'REFUSED')).toBe(false);
  });

  it.each([null, undefined, 'POISON', 7, new Error('x'), { code: 'POISON' }])('is not %o', (value) => {
    expect(SymphonyError.is(value)).toBe(false);
  });
});

it('something that throws at every touch is none of our errors', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect([SymphonyError.is(proxy), TerminalError.is(proxy), RetryAfterError.is(proxy)]).toEqual([false, false, false]);
});

describe('TerminalError', () => {
  it('says that trying again is of no use, under TERMINAL or a code of the agent', () => {
    expect(new TerminalError('no')).toMatchObject({ name: 'TerminalError', message: 'no', code: 'TERMINAL' });
    expect(new TerminalError('no', { code: 'NO_FUNDS' }).code).toBe('NO_FUNDS');
    expect(Object.hasOwn(errorCodes, 'TERMINAL')).toBe(true);
  });

  it('keeps its cause if there is one', () => {
    expect(new TerminalError('no', { cause: 'why' }).cause).toBe('why');
    expect('cause' in new TerminalError('no')).toBe(false);
  });

  it('is recognised across copies of the package', () => {
    expect(TerminalError.is(new TerminalError('no'))).toBe(true);
    expect(TerminalError.is({ [Symbol.for('symphony.terminal-error')]: true })).toBe(true);
    for (const value of [null, 'no', new Error('no'), new RetryAfterError('no', 1)])
      expect(TerminalError.is(value)).toBe(false);
  });
});

describe('RetryAfterError', () => {
  it('sets the delay, and keeps its cause if there is one', () => {
    expect(new RetryAfterError('later', 1500, { cause: 'why' })).toMatchObject({
      name: 'RetryAfterError',
      retryAfterMs: 1500,
      cause: 'why',
    });
    expect('cause' in new RetryAfterError('later', 0)).toBe(false);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a delay of %d milliseconds', (retryAfterMs) => {
    expect(() => new RetryAfterError('later', retryAfterMs)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('is recognised across copies of the package', () => {
    expect(RetryAfterError.is(new RetryAfterError('later', 1))).toBe(true);
    expect(RetryAfterError.is({ [Symbol.for('symphony.retry-after-error')]: true, retryAfterMs: 1 })).toBe(true);
    for (const value of [null, 'later', new Error('later'), new TerminalError('no')])
      expect(RetryAfterError.is(value)).toBe(false);
  });
});

describe('toTaskError records whatever an agent threw', () => {
  it('an Error with its name, message, code, stack and attempt', () => {
    const thrown = Object.assign(new TypeError('bad'), { code: 'E_BAD' });
    expect(toTaskError(thrown, 3)).toEqual({
      name: 'TypeError',
      message: 'bad',
      code: 'E_BAD',
      stack: thrown.stack,
      attempt: 3,
    });
  });

  it('an Error without a code under AGENT_ERROR', () => {
    expect(toTaskError(new Error('bad'), 1).code).toBe('AGENT_ERROR');
    expect(toTaskError(Object.assign(new Error('bad'), { code: 42 }), 1).code).toBe('AGENT_ERROR');
    expect(toTaskError(Object.assign(new Error('bad'), { code: '' }), 1).code).toBe('AGENT_ERROR');
  });

  it.each([
    [null, '(a non-Error was thrown: null)'],
    [undefined, '(a non-Error was thrown: undefined)'],
    ['boom', '(a non-Error was thrown: "boom")'],
    ['', '(a non-Error was thrown: "")'],
    [42, '(a non-Error was thrown: 42)'],
    [10n, '(a non-Error was thrown: 10)'],
    [Symbol('s'), '(a non-Error was thrown: Symbol(s))'],
    [() => 1, '(a non-Error was thrown: a function)'],
  ])('%s, which is no Error', (thrown, message) => {
    expect(toTaskError(thrown, 2)).toEqual({ name: 'Error', message, code: 'AGENT_ERROR', attempt: 2 });
  });

  it('a function whose toString throws', () => {
    const hostile = Object.assign(() => 1, {
      toString(): string {
        throw new Error('no');
      },
    });
    expect(toTaskError(hostile, 1).message).toBe('(a non-Error was thrown: a function)');
  });

  it('an object without a message', () => {
    expect(toTaskError({}, 1)).toEqual({
      name: 'Error',
      message: '(an object without a message was thrown)',
      code: 'AGENT_ERROR',
      attempt: 1,
    });
  });

  it('an object whose getters throw', () => {
    const hostile = new Proxy({}, { get: () => { throw new Error('no'); } }); // prettier-ignore
    expect(toTaskError(hostile, 1)).toEqual({
      name: 'Error',
      message: '(an object without a message was thrown)',
      code: 'AGENT_ERROR',
      attempt: 1,
    });
  });

  it('a cyclic error, as plain JSON', () => {
    const cyclic: Error = new Error('round');
    cyclic.cause = cyclic;
    expect(() => JSON.stringify(toTaskError(cyclic, 1))).not.toThrow();
    expect(toTaskError(cyclic, 1).message).toBe('round');
  });

  it('a message of 10 MB, cut, saying how long it was', () => {
    const size = 10 * 1024 * 1024;
    const error = toTaskError(
      Object.assign(new Error('x'.repeat(size)), {
        stack: 'y'.repeat(size),
        name: 'z'.repeat(size),
        code: 'C'.repeat(size),
      }),
      1,
    );
    for (const text of [error.name, error.message, error.code, error.stack]) {
      expect(text).toMatch(/… \(cut, 10485760 characters\)$/);
      expect(text?.length).toBeLessThan(errorTextLimit + 50);
    }
    expect(toTaskError('x'.repeat(size), 1).message.length).toBeLessThan(errorTextLimit + 50);
  });

  it('a message just at the limit, whole', () => {
    const message = 'x'.repeat(errorTextLimit);
    expect(toTaskError(new Error(message), 1).message).toBe(message);
    expect(toTaskError(new Error(`${message}x`), 1).message).not.toBe(`${message}x`);
  });
});

describe('fromTaskError rejects a waiter with the recorded error', () => {
  it('as a SymphonyError of that code where the code is ours', () => {
    const error = fromTaskError('tsk_1', {
      name: 'SymphonyError',
      message: 'again and again',
      code: 'POISON',
      attempt: 3,
    });
    expect(SymphonyError.is(error, 'POISON')).toBe(true);
    expect(error).toMatchObject({
      message: 'again and again',
      details: { taskId: 'tsk_1', name: 'SymphonyError', attempt: 3 },
    });
  });

  it('as an AGENT_ERROR of the recorded name where the code is the agent’s own', () => {
    const error = fromTaskError('tsk_1', { name: 'PaymentError', message: 'declined', code: 'DECLINED', attempt: 1 });
    expect(SymphonyError.is(error, 'AGENT_ERROR')).toBe(true);
    expect(error).toMatchObject({
      name: 'PaymentError',
      message: 'declined',
      details: { taskId: 'tsk_1', code: 'DECLINED' },
    });
  });

  it('as an AGENT_ERROR where there is no code', () => {
    expect(SymphonyError.is(fromTaskError('tsk_1', { name: 'Error', message: 'x', attempt: 1 }), 'AGENT_ERROR')).toBe(
      true,
    );
  });

  it('does not take a property that every object has for a code of ours', () => {
    expect(
      SymphonyError.is(
        fromTaskError('tsk_1', { name: 'Error', message: 'x', code: 'toString', attempt: 1 }),
        'AGENT_ERROR',
      ),
    ).toBe(true);
  });
});
