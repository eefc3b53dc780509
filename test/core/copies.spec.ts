import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as first from '../../src/index.js';

let second: typeof first;

beforeAll(async () => {
  // Loads the library a second time in this process, as `require` in addition to `import` would.
  jest.resetModules();
  second = await import('../../src/index.js');
});

const call = { type: 'http', context: {}, request: { headers: {}, user: { id: 7 } } } as const;

describe('a second copy of the library', () => {
  it('is another copy', async () => {
    expect(second.ThrottleService).not.toBe(first.ThrottleService);
  });

  it('exempts calls by the same symbol', async () => {
    expect(second.EXEMPT).toBe(first.EXEMPT);
  });

  it('throws errors that are instances of the class of each copy', async () => {
    const { allowed, decisions, binding } = await new second.MemoryBackend().spend([]);
    const outcome = { allowed, decisions, binding };
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      expect(new one.ThrottleConfigError('SLUICE_NO_CALL', 'x') instanceof other.ThrottleConfigError).toBe(true);
      expect(new one.BackendError('OOM', 'x') instanceof other.BackendError).toBe(true);
      expect(new one.ThrottleException({}, outcome) instanceof other.ThrottleException).toBe(true);
      expect(new one.ThrottleUnavailableException({}) instanceof other.ThrottleUnavailableException).toBe(true);
    }
  });

  it('has errors that can be distinguished', async () => {
    class Subclass extends first.ThrottleConfigError {}
    expect(new second.ThrottleConfigError('SLUICE_NO_CALL', 'x') instanceof first.BackendError).toBe(false);
    expect(new Error('x') instanceof first.ThrottleConfigError).toBe(false);
    expect(new second.ThrottleConfigError('SLUICE_NO_CALL', 'x') instanceof Subclass).toBe(false);
    expect(new Subclass('SLUICE_NO_CALL', 'x') instanceof Subclass).toBe(true);
    expect(new Subclass('SLUICE_NO_CALL', 'x') instanceof second.ThrottleConfigError).toBe(true);
    for (const value of [null, undefined, 'ThrottleConfigError', 5]) {
      expect(
        Reflect.apply(Reflect.get(first.ThrottleConfigError, Symbol.hasInstance), first.ThrottleConfigError, [value]),
      ).toBe(false);
    }
  });

  it('uses the same subject for a connection', async () => {
    const client = {};
    const other = {};
    const subjects = [first, second].map(({ by }) => by.connection()({ ...call, client }));
    expect(subjects[0]).toMatch(/^conn:/);
    expect(subjects[1]).toBe(subjects[0]);
    expect(second.by.connection()({ ...call, client: other })).not.toBe(subjects[0]);
  });

  it('waits for a user whom by.user() of the other copy looks for', async () => {
    const { isUserBy } = await import('../../src/transports/identity/user-lookup.js');
    expect(isUserBy(second.by.user())).toBe(true);
    expect(isUserBy(second.by.ip())).toBe(false);
    const mixed = first.by.first(second.by.user(), first.by.ip());
    expect(isUserBy(mixed)).toBe(true);
    expect(mixed(call)).toBe('user:7');
  });

  it('catches forgotten parentheses after a by of the other copy', async () => {
    expect(() => Reflect.apply(first.by.first, undefined, [second.by.user])).toThrow(
      'by.user was passed without being called. Write by.user().',
    );
  });

  it('writes limits that the other copy can read', async () => {
    const { metadataOn } = await import('../../src/decorators/metadata.js');
    class Reports {}
    first.Throttle('5/min')(Reports);
    second.Throttle('10/min')(Reports);
    expect(metadataOn(Reports).limits.map(({ what }) => what)).toEqual(['10/min', '5/min']);
  });

  it('returns the wait of a request that the other copy denied', async () => {
    const { keepSession } = await import('../../src/service/calls/session-store.js');
    const { CallSession } = await import('../../src/service/calls/call-session.js');
    const backend = new first.MemoryBackend({ clock: new first.ManualClock() });
    const charge = { policy: first.definePolicy('p', '1/min'), subject: 'x', cost: 2 };
    const denied = await backend.spend([charge]);
    for (const request of [{}, Object.preventExtensions({})]) {
      const session = new CallSession(call, Object.create(null), request);
      session.record([charge], denied);
      keepSession(session, request);
      expect(first.isThrottled(request)).toBe(true);
      expect(second.isThrottled(request)).toBe(true);
      expect(second.throttleWait(request)).toBeNull();
    }
  });
});
