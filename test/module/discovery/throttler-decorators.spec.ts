import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type Type } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../../src/index.js';
import { type AppOptions, adapters, startApp } from '../../support/http-app.js';
import { NestSkipThrottle, NestThrottle, OldSkipThrottle, OldThrottle } from '../../support/nest-throttler.js';

const warning = (fixes: string) =>
  `Decorators of @nestjs/throttler limit nothing here. Import Throttle and SkipThrottle from "nestjs-sluice", and write ${fixes}.`;

@NestSkipThrottle()
@Controller('reports')
class ReportsController {
  @NestThrottle({ default: { limit: 3, ttl: 60_000 } }) @Get() list() {}

  @NestThrottle({ short: { limit: 3, ttl: 1000 }, long: { limit: 100, ttl: 900_000 } }) @Get('latest') latest() {}

  @NestSkipThrottle({ short: true, long: true }) @Get('up') up() {}

  @NestSkipThrottle({ default: false }) @Get('down') down() {}

  @NestThrottle({ default: { limit: () => 5, ttl: 60_000 } }) @Get('plan') plan() {}

  @Get('plain') plain() {}
}

@OldSkipThrottle()
@Controller('old')
class OldController {
  @OldThrottle(10, 60) @Get() list() {}
}

@Controller('mixed')
class MixedController {
  @Throttle('1/min') @NestThrottle({ default: { limit: 5, ttl: 60_000 } }) @Get() list() {}
}

@WebSocketGateway()
class ChatGateway {
  @NestThrottle({ default: { limit: 3, ttl: 30_000 } }) @SubscribeMessage('say') say() {}
}

class BaseController {
  @NestThrottle({ default: { limit: 3, ttl: 3_600_000 } }) @Get() list() {}
}

@Controller('derived')
class DerivedController extends BaseController {}

@Controller('plain')
class PlainController {
  @Get() list() {}
}

@Injectable()
class PlainService {}

describe.each(adapters)('decorators of @nestjs/throttler, on %s', (adapter) => {
  async function warningsOf(controllers: Type[], providers: AppOptions['providers'] = []): Promise<readonly string[]> {
    const warnings: string[] = [];
    await using _ = await startApp({
      adapter,
      controllers,
      providers,
      warnings,
      options: { default: '100/min' },
      prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
    });
    return warnings;
  }

  it('are named in one warning at startup, with their replacements', async () => {
    expect(await warningsOf([ReportsController], [ChatGateway])).toEqual([
      warning(
        [
          '@SkipThrottle("default") on ReportsController',
          '@Throttle("3/min") on ReportsController.list',
          '@Throttle([{ rate: "3/s", name: "short" }, { rate: "100/15min", name: "long" }]) on ReportsController.latest',
          '@SkipThrottle("short", "long") on ReportsController.up',
          '@Throttle(...) on ReportsController.down',
          '@Throttle("<limit>/min") on ReportsController.plan',
          '@Throttle("3/30s") on ChatGateway.say',
        ].join(', '),
      ),
    ]);
  });

  it('of version 4 are read in seconds', async () => {
    expect(await warningsOf([OldController])).toEqual([
      warning('@SkipThrottle("default") on OldController, @Throttle("10/min") on OldController.list'),
    ]);
  });

  it('are found on inherited methods', async () => {
    expect(await warningsOf([DerivedController])).toEqual([warning('@Throttle("3/h") on DerivedController.list')]);
  });

  it('are named in addition to a decorator of this library, which limits', async () => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter, controllers: [MixedController], warnings });
    expect(warnings).toEqual([warning('@Throttle("5/min") on MixedController.list')]);
    expect(await app.statuses('/mixed', 2)).toEqual([200, 429]);
  });

  it('cause no warning if there are none, or if the module of @nestjs/throttler reads them', async () => {
    expect(await warningsOf([PlainController], [PlainService])).toEqual([]);
    const imported = { provide: 'THROTTLER:MODULE_OPTIONS', useValue: [{ limit: 10, ttl: 60_000 }] };
    expect(await warningsOf([ReportsController], [imported])).toEqual([]);
  });
});
