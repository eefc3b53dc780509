import { describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, Get, type Type, UnauthorizedException, UseGuards } from '@nestjs/common';
import { by, EXEMPT, type PolicyOptions, Throttle, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { eventsOf, violationsIn } from '../../support/events.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { as, OptionalGuard } from '../handler-phase/guards.js';

const strategy = 'fixed-window';
const watched = { rate: '2/min', strategy, by: by.user(), mode: 'monitor' } as const;

class RefusingGuard implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}

function notes(limits: readonly PolicyOptions[], guard: Type<CanActivate> = OptionalGuard): Type {
  @Controller('notes')
  class NotesController {
    @UseGuards(guard)
    @Throttle(limits)
    @Get()
    list(): string {
      return 'notes';
    }
  }
  return NotesController;
}

describe.each(adapters)('a monitored limit by user on %s', (adapter) => {
  const start = (limits: readonly PolicyOptions[], guard?: Type<CanActivate>, backend = new CountedBackend()) =>
    startApp({ adapter, controllers: [notes(limits, guard)], options: { backend } });

  it('lets a call without a user pass when the budget of its address is used up, and reports it once', async () => {
    await using app = await start([watched]);
    const events = eventsOf(app.app);
    expect(await app.statuses('/notes', 4)).toEqual([200, 200, 200, 200]);
    expect(violationsIn(events)).toEqual([['default'], ['default']]);
    expect(app.app.get(ThrottleService).violations.get('default')).toBe(2);
  });

  it('counts each user separately, and shows the counter of the user', async () => {
    await using app = await start([watched]);
    const events = eventsOf(app.app);
    expect(await app.statuses('/notes', 3, as('ada'))).toEqual([200, 200, 200]);
    expect(violationsIn(events)).toEqual([['default']]);
    expect((await app.send('/notes', as('bob'))).headers.ratelimit).toBe('"default";r=1;t=60');
    expect(violationsIn(events)).toEqual([['default']]);
  });

  it('counts the calls that a later guard refuses, and denies none of them', async () => {
    const backend = new CountedBackend();
    await using app = await start([watched], RefusingGuard, backend);
    const events = eventsOf(app.app);
    for (let i = 1; i <= 2; i++) {
      expect((await app.send('/notes')).status).toBe(401);
      // The address is charged when the response has closed.
      await until(() => backend.asked.filter((one) => one === 'spend default').length === i);
    }
    expect(events).toEqual([]);
    expect((await app.send('/notes')).status).toBe(401);
    expect(violationsIn(events)).toEqual([['default']]);
  });

  it('removes its headers if the user turns out to be exempt', async () => {
    const exempt = by.first(by.user('nobody.id'), ({ request }) => (request?.user === undefined ? null : EXEMPT));
    await using app = await start([{ ...watched, by: exempt }]);
    expect(limitHeaders(await app.send('/notes', as('ada')))).toEqual({});
  });

  it('takes nothing from a call that an enforced limit denies after all guards', async () => {
    const enforced = { rate: '1/min', strategy, name: 'enforced', by: by.user() };
    const other = { rate: '5/min', strategy, name: 'watched', mode: 'monitor' } as const;
    await using app = await start([enforced, other]);
    expect(await app.statuses('/notes', 3, as('ada'))).toEqual([200, 429, 429]);
    expect((await app.send('/notes', as('bob'))).headers.ratelimit).toBe('"watched";r=3;t=60, "enforced";r=0;t=60');
  });
});
