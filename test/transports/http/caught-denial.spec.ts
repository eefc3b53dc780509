import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { ThrottleService } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

describe.each(adapters)('a denial that the handler catches, on %s', (adapter) => {
  it('is no longer problem details', async () => {
    @Controller('caught')
    class CatchingController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Get()
      async list() {
        return this.throttle.hit('never', 2).catch(() => ({ fine: true }));
      }
    }
    const options = { errors: 'problem' as const, policies: { never: '1/min' } };
    await using app = await startApp({ adapter, controllers: [CatchingController], options });
    const { status, headers, body } = await app.send('/caught');
    expect([status, headers['content-type'], body]).toEqual([200, 'application/json; charset=utf-8', { fine: true }]);
  });
});
