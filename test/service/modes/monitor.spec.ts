import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Req } from '@nestjs/common';
import { type HeaderStyle, type HttpRequest, SkipThrottle, Throttle, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { eventsOf, violationsIn } from '../../support/events.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const watched = { rate: '2/min', strategy, name: 'watched', mode: 'monitor' } as const;

@Controller()
class MonitorController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle(watched)
  @Get('watched')
  watched(): string {
    return 'ok';
  }

  @Throttle([watched, { ...watched, name: 'also', rate: '1/min' }, { rate: '3/min', strategy }])
  @Get('both')
  both(): string {
    return 'ok';
  }

  @Throttle({ ...watched, strategy: 'leaky-bucket', rate: '1/min', burst: 10 })
  @Get('leaky')
  leaky(): string {
    return 'ok';
  }

  @Throttle({ ...watched, skip: () => true })
  @Get('skipped')
  skipped(): string {
    return 'ok';
  }

  @SkipThrottle()
  @Get('by-hand')
  async byHand(@Req() request: HttpRequest): Promise<unknown> {
    const hit = await this.throttle.hit('mail', 1);
    const checked = await this.throttle.check('mail', 100);
    return {
      hit: hit.decisions[0]?.allowed,
      allowed: hit.allowed,
      checked,
      stat: await this.throttle.stat('mail'),
      path: request.url,
    };
  }
}

const options = { policies: { mail: { rate: '1/min', strategy, mode: 'monitor' } } } as const;

describe.each(adapters)('a monitored policy on %s', (adapter) => {
  const start = (headers: HeaderStyle = 'standard') => {
    const backend = new CountedBackend();
    return startApp({ adapter, controllers: [MonitorController], options: { ...options, backend, headers } });
  };
  const standard = (state: string) => ({ 'ratelimit-policy': '"watched";q=2;w=60', ratelimit: `"watched";${state}` });

  it('denies nothing, writes its decision to the headers, and writes no Retry-After', async () => {
    await using app = await start();
    const events = eventsOf(app.app);
    const answers = [await app.send('/watched'), await app.send('/watched'), await app.send('/watched')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map(limitHeaders)).toEqual([standard('r=1;t=60'), standard('r=0;t=60'), standard('r=0;t=60')]);
    expect(events).toHaveLength(1);
    expect(events).toMatchObject([
      {
        type: 'violation',
        handler: 'MonitorController.watched',
        outcome: { allowed: true, binding: null },
        violations: [
          {
            charge: { policy: { name: 'watched' }, subject: 'ip:127.0.0.1', cost: 1, mode: 'monitor' },
            decision: { policy: 'watched', allowed: false, remaining: 0, retryAfterMs: 60_000, mode: 'monitor' },
          },
        ],
      },
    ]);
    expect([...app.app.get(ThrottleService).violations]).toEqual([['watched', 1]]);
  });

  it('reports all violated policies of a call in one event, also of a call that another policy denies', async () => {
    await using app = await start();
    const events = eventsOf(app.app);
    expect(await app.statuses('/both', 4)).toEqual([200, 200, 200, 429]);
    expect(violationsIn(events)).toEqual([['also'], ['watched', 'also'], ['watched', 'also']]);
    expect(events.map(({ type }) => type)).toEqual(['violation', 'violation', 'denied', 'violation']);
    expect([...app.app.get(ThrottleService).violations]).toEqual([
      ['also', 3],
      ['watched', 2],
    ]);
  });

  it('is not the policy that is reported to a denied caller', async () => {
    await using app = await startApp({
      adapter,
      controllers: [MonitorController],
      options: { ...options, errors: 'problem' },
    });
    await app.statuses('/both', 3);
    const { body, headers } = await app.send('/both');
    expect(body).toMatchObject({ 'violated-policies': ['default'], retryAfter: 60 });
    expect(headers['retry-after']).toBe('60');
  });

  it('writes no header of dialects that report only the binding policy', async () => {
    await using app = await start(['draft-6', 'legacy']);
    expect(limitHeaders(await app.send('/watched'))).toEqual({});
    expect(limitHeaders(await app.send('/both'))).toMatchObject({
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'x-ratelimit-remaining': '2',
    });
  });

  it('delays no call', async () => {
    await using app = await start();
    // A delay would last until the clock is moved.
    expect(await app.statuses('/leaky', 3)).toEqual([200, 200, 200]);
    expect((await app.send('/leaky')).headers.ratelimit).toBe('"watched";r=6;t=240');
  });

  it('counts nothing for a skipped call', async () => {
    await using app = await start();
    const answer = await app.send('/skipped');
    expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
  });

  it('denies nothing by hand: hit goes on, check passes, and stat finds nothing that limits', async () => {
    await using app = await start();
    const events = eventsOf(app.app);
    await app.send('/by-hand');
    const { status, body } = await app.send('/by-hand');
    expect([status, body]).toEqual([200, { hit: false, allowed: true, checked: true, stat: null, path: '/by-hand' }]);
    expect(violationsIn(events)).toEqual([['mail']]);
  });
});
