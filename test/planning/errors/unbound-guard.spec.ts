import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SkipThrottle, Throttle, ThrottleGuard } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

@Injectable()
class OwnGuard extends ThrottleGuard {}

@Controller()
class PartController {
  @UseGuards(ThrottleGuard)
  @Throttle('5/min')
  @Get('a')
  a() {}

  @Throttle('5/min')
  @Get('b')
  b() {}

  @SkipThrottle()
  @Get('c')
  c() {}
}

@UseGuards(OwnGuard)
@Controller('whole')
class WholeController {
  @Throttle('5/min')
  @Get()
  list() {}
}

const text =
  'Not limited, unless app.useGlobalGuards() does it: PartController.b. ' +
  'ThrottleGuard is not bound there. Leave the option "guard" out, or provide { provide: APP_GUARD, useClass: ThrottleGuard }.';

describe.each(adapters)('a guard that the module does not bind, on %s', (adapter) => {
  const controllers = [PartController, WholeController];

  it('is reported in one warning that names limited handlers without it', async () => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter, controllers, options: { guard: false }, warnings });
    expect(warnings).toEqual([text]);
    expect(await app.statuses('/a', 6)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await app.statuses('/whole', 6)).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it.each([ThrottleGuard, OwnGuard])('is not reported if the application binds %p for all', async (useClass) => {
    const warnings: string[] = [];
    const providers = [{ provide: APP_GUARD, useClass }];
    await using app = await startApp({ adapter, controllers, providers, options: { guard: false }, warnings });
    expect(warnings).toEqual([]);
    expect(await app.statuses('/b', 6)).toEqual([200, 200, 200, 200, 200, 429]);
  });
});
