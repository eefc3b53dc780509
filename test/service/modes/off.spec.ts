import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { by, subjectOf, Throttle, type ThrottleModuleOptions, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';

const strategy = 'fixed-window';
const off = { rate: '1/min', strategy, mode: 'off' } as const;
const ada = { subject: subjectOf.user('ada') };

@Controller()
class OffController {
  @Throttle(off)
  @Get('off')
  off(): string {
    return 'ok';
  }

  @Throttle({ ...off, by: by.user(), name: 'user' })
  @Get('by-user')
  byUser(): string {
    return 'ok';
  }

  @Throttle([off, { rate: '2/min', strategy, name: 'on' }])
  @Get('mixed')
  mixed(): string {
    return 'ok';
  }

  @Get('open')
  open(): string {
    return 'ok';
  }
}

describe.each(adapters)('a policy that is off, on %s', (adapter) => {
  const start = (backend: CountedBackend, options: ThrottleModuleOptions = {}) =>
    startApp({ adapter, controllers: [OffController], options: { ...options, backend } });

  it.each(['/off', '/by-user'])('does not call the backend and writes no header: %s', async (path) => {
    const backend = new CountedBackend();
    await using app = await start(backend);
    for (let i = 0; i < 3; i++) {
      const answer = await app.send(path);
      expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
    }
    expect(backend.asked).toEqual([]);
  });

  it('does not affect other policies of the call', async () => {
    const backend = new CountedBackend();
    await using app = await start(backend);
    expect(await app.statuses('/mixed', 3)).toEqual([200, 200, 429]);
    expect((await app.send('/mixed')).headers['ratelimit-policy']).toBe('"on";q=2;w=60');
    expect(new Set(backend.asked)).toEqual(new Set(['spend on']));
  });

  it('may be the limit of all requests', async () => {
    const backend = new CountedBackend();
    await using app = await start(backend, { requests: off });
    expect(await app.statuses('/nowhere', 3)).toEqual([404, 404, 404]);
    expect(limitHeaders(await app.send('/open'))).toEqual({});
    expect(backend.asked).toEqual([]);
  });
});

describe('a policy that is off, by hand', () => {
  it('charges nothing, limits nothing, and can be reset', async () => {
    const backend = new CountedBackend();
    await using context = await startContext({ policies: { mail: off }, backend });
    const { throttle } = context;
    const outcome = await throttle.hit('mail', 5, ada);
    expect(outcome).toEqual({ allowed: true, decisions: [], binding: null });
    expect(await throttle.check('mail', 5, ada)).toBe(true);
    expect(await throttle.stat('mail', ada)).toBeNull();
    await throttle.refund(outcome);
    expect(backend.asked).toEqual([]);
    await throttle.reset('mail', ada);
    expect(backend.asked).toEqual(['reset mail']);
    expect(throttle).toBeInstanceOf(ThrottleService);
  });
});
