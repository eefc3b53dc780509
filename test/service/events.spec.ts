import { describe, expect, it } from '@jest/globals';
import { subjectOf, type ThrottleEvent, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';
import { startContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const policies = { mail: { rate: '2/min', strategy } };
const ada = { subject: subjectOf.user('ada') };
const bob = { subject: subjectOf.user('bob') };
const eve = { subject: subjectOf.user('eve') };

/** Collects events, and the end of them. */
function eventsOf(throttle: ThrottleService): (ThrottleEvent | 'end')[] {
  const seen: (ThrottleEvent | 'end')[] = [];
  throttle.events$.subscribe({ next: (event) => seen.push(event), complete: () => seen.push('end') });
  return seen;
}

describe('events$', () => {
  it('emits each denial with its charges, and nothing for checks and allowed calls', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const events = eventsOf(throttle);
    await throttle.hit('mail', 2, ada);
    await throttle.check('mail', 1, ada);
    await throttle.stat('mail', ada);
    expect(events).toEqual([]);

    const outcome = await throttle.consume('mail', 1, ada);
    await throttle.hit('mail', 1, ada).catch(() => 'denied');
    const [denied] = events;
    if (denied === undefined || denied === 'end' || denied.type !== 'denied') throw new Error('expected a denial');
    const { policy, ...charge } = denied.charges[0] ?? {};
    expect(charge).toEqual({ subject: 'user:ada', cost: 1 });
    expect(policy).toMatchObject({ name: 'mail', limit: 2, periodMs: 60_000, strategy });
    expect(events).toEqual([
      { type: 'denied', outcome, charges: [{ policy, subject: 'user:ada', cost: 1 }] },
      { type: 'denied', outcome, charges: [{ policy, subject: 'user:ada', cost: 1 }] },
    ]);
  });

  it('emits once that new subjects share a budget in a full store, until there is room', async () => {
    await using context = await startContext({ policies }, { maxKeys: 1 });
    const { throttle, clock } = context;
    const events = eventsOf(throttle);
    await throttle.hit('mail', 1, ada);
    expect(events).toEqual([]);
    await throttle.hit('mail', 1, bob);
    expect((await throttle.hit('mail', 1, eve)).binding?.remaining).toBe(0);
    expect(events).toEqual([{ type: 'overflow', policy: 'mail' }]);

    clock.advance(60_000);
    await throttle.hit('mail', 1, bob);
    await throttle.hit('mail', 1, eve);
    expect(events).toEqual([
      { type: 'overflow', policy: 'mail' },
      { type: 'overflow', policy: 'mail' },
    ]);
  });

  it('ends when the application does', async () => {
    const context = await startContext({ policies });
    const events = eventsOf(context.throttle);
    await context.close();
    expect(events).toEqual(['end']);
  });
});

describe.each(adapters)('events$ on %s', (adapter) => {
  it('names the handler of a denied call, denied by the guard or by hit', async () => {
    const act = (throttle: ThrottleService) => throttle.hit('mail', 2);
    await using app = await startApp({
      adapter,
      controllers: [acting(act, { onMethod: { rate: '2/min', strategy } })],
      options: { policies },
    });
    const events = eventsOf(app.app.get(ThrottleService));
    expect(await app.statuses('/act', 3)).toEqual([200, 429, 429]);
    const told = events.map((event) => event !== 'end' && event.type === 'denied' && [event.handler, event.charges]);
    expect(told).toMatchObject([
      ['ActController.run', [{ policy: { name: 'mail' }, subject: 'ip:127.0.0.1', cost: 2 }]],
      ['ActController.run', [{ policy: { name: 'default' }, subject: 'ip:127.0.0.1', cost: 1 }]],
    ]);
  });
});
