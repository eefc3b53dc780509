import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Throttle, ThrottleConfigError, ThrottleService } from 'nestjs-sluice';
import { ManualClock, ThrottleTestingModule, type ThrottleTestingOptions } from 'nestjs-sluice/testing';
import { run } from './existing-application.js';

@Controller()
class SearchController {
  @Throttle('search')
  @Get('search')
  search(): string {
    return 'ok';
  }
}

@Injectable()
class Mailer {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  async send(): Promise<boolean> {
    return (await this.throttle.consume('mail', 1, { subject: 'user:42' })).allowed;
  }
}

const policies = { search: '2/min', mail: '1/h' };

describe('ThrottleTestingModule', () => {
  it('limits by a clock that the test gets from the module and moves', async () => {
    const builder = Test.createTestingModule({
      imports: [ThrottleTestingModule.forRoot({ policies })],
      controllers: [SearchController],
    });
    await using app = await run(builder);
    const clock = app.app.get(ManualClock);
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1));
    expect(await app.http.statuses('/search', 3)).toEqual([200, 200, 429]);
    clock.advance(59_999);
    expect(await app.http.statuses('/search', 1)).toEqual([429]);
    clock.advance(60_001);
    expect(await app.http.statuses('/search', 3)).toEqual([200, 200, 429]);
  });

  it('provides the service in a module without HTTP', async () => {
    const clock = new ManualClock(0);
    const moduleRef = await Test.createTestingModule({
      imports: [ThrottleTestingModule.forRoot({ policies, clock })],
      providers: [Mailer],
    }).compile();
    const mailer = moduleRef.get(Mailer);
    expect([await mailer.send(), await mailer.send()]).toEqual([true, false]);
    clock.advance(2 * 3_600_000);
    expect(await mailer.send()).toBe(true);
    expect(moduleRef.get(ManualClock)).toBe(clock);
    await moduleRef.close();
  });

  it('needs no options', async () => {
    const moduleRef = await Test.createTestingModule({ imports: [ThrottleTestingModule.forRoot()] }).compile();
    expect(moduleRef.get(ThrottleService)).toBeInstanceOf(ThrottleService);
    await moduleRef.close();
  });

  it.each<readonly [options: object, message: RegExp]>([
    [{ default: '5/fortnight' }, /"5\/fortnight"/],
    [{ defautl: '5/min' }, /defautl/],
    [{ backend: {} }, /ThrottleTestingModule.forRoot: it counts in memory and takes no backend/],
    [{ clock: Date }, /ThrottleTestingModule.forRoot: clock: expected a clock that the test moves/],
  ])('rejects invalid options: %j', async (options, message) => {
    const compile = async () =>
      Test.createTestingModule({
        imports: [ThrottleTestingModule.forRoot(options as ThrottleTestingOptions)],
      }).compile();
    await expect(compile()).rejects.toThrow(message);
    await expect(compile()).rejects.toThrow(ThrottleConfigError);
  });
});
