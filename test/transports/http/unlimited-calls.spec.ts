import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { EXEMPT, SkipThrottle, Throttle } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';

@Controller('free')
class FreeController {
  @Throttle('1/min', { by: () => EXEMPT })
  @Get('exempt')
  exempt(): string {
    return 'exempt';
  }

  @Throttle('1/min', { skip: () => true })
  @Get('skipped')
  skipped(): string {
    return 'skipped';
  }

  @Throttle('1/min', { cost: () => 0 })
  @Get('gratis')
  gratis(): string {
    return 'gratis';
  }

  @Throttle('unlimited')
  @Get('unlimited')
  unlimited(): string {
    return 'unlimited';
  }

  @SkipThrottle()
  @Get('bare')
  bare(): string {
    return 'bare';
  }
}

@Controller('limited')
class LimitedController {
  @Throttle('1/min')
  @Get()
  list(): string {
    return 'list';
  }
}

describe.each(adapters)('calls over %s that nothing limits', (adapter) => {
  it.each(['exempt', 'skipped', 'gratis', 'unlimited', 'bare'])(
    'because they are %s carry no headers',
    async (name) => {
      await using app = await startApp({
        adapter,
        controllers: [FreeController],
        options: { default: '1/min', headers: 'both' },
      });
      for (let i = 0; i < 3; i++) {
        const answer = await app.send(`/free/${name}`);
        expect([answer.status, answer.text, limitHeaders(answer)]).toEqual([200, name, {}]);
      }
    },
  );

  it('because the module skips them carry no headers', async () => {
    await using app = await startApp({
      adapter,
      controllers: [LimitedController],
      options: { headers: 'both', skip: async ({ request }) => request?.headers['x-internal'] === 'yes' },
    });
    for (let i = 0; i < 3; i++) {
      const answer = await app.send('/limited', { headers: { 'x-internal': 'yes' } });
      expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
    }
    expect(await app.statuses('/limited', 2)).toEqual([200, 429]);
  });
});
