import { describe, expect, it } from '@jest/globals';
import { subjectOf, type ThrottleEvent, type ThrottleModuleOptions } from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';

const strategy = 'fixed-window';
const login = { rate: '2/min', strategy, block: { for: '5m', escalate: [1, 2] } } as const;
const ada = { subject: subjectOf.user('ada') };

async function start(options: ThrottleModuleOptions) {
  const context = await startContext(options);
  const events: ThrottleEvent[] = [];
  context.throttle.events$.subscribe((event) => events.push(event));
  const blocked = () => events.flatMap((event) => (event.type === 'blocked' ? [event] : []));
  return { context, throttle: context.throttle, clock: context.clock, blocked };
}

describe('a policy that blocks', () => {
  it('emits each block in one event', async () => {
    const { context, throttle, clock, blocked } = await start({ policies: { login } });
    await using _ = context;
    for (let i = 0; i < 5; i++) await throttle.consume('login', 1, ada);
    const decision = expect.objectContaining({ allowed: false, reason: 'blocked', retryAfterMs: 300_000 });
    const event = { type: 'blocked', policy: 'login', subject: 'user:ada', forMs: 300_000, strikes: 1, decision };
    expect(blocked()).toEqual([event]);
    await throttle.check('login', 1, { subject: 'user:bob' });
    clock.advance(300_000);
    for (let i = 0; i < 4; i++) await throttle.consume('login', 1, ada);
    expect(blocked().map(({ forMs, strikes }) => [forMs, strikes])).toEqual([
      [300_000, 1],
      [600_000, 2],
    ]);
  });

  it('emits a block by a monitored policy, whose decision has that mode', async () => {
    const { context, throttle, blocked } = await start({ policies: { login: { ...login, mode: 'monitor' } } });
    await using _ = context;
    for (let i = 0; i < 5; i++) expect((await throttle.consume('login', 1, ada)).allowed).toBe(true);
    expect(blocked().map(({ decision }) => decision.mode)).toEqual(['monitor']);
    expect(throttle.violations.get('login')).toBe(3);
  });

  it('emits a block once if two charges of a call begin it', async () => {
    const { context, throttle, blocked } = await start({ policies: { login, other: { ...login, name: 'other' } } });
    await using _ = context;
    await throttle.consume([{ policy: 'login', cost: 2 }, { policy: 'other' }], ada);
    await throttle.consume([{ policy: 'login' }, { policy: 'other', cost: 2 }], ada);
    expect(blocked().map(({ policy }) => policy)).toEqual(['login', 'other']);
  });
});
