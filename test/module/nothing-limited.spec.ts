import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SkipThrottle, Throttle, ThrottleService } from '../../src/index.js';
import { type AppOptions, adapters, startApp } from '../support/http-app.js';

const NOTHING =
  'Nothing is limited: the options have no default and no limits of sockets, no handler has @Throttle, and no class injects ThrottleService. ' +
  'Limit all handlers with ThrottleModule.forRoot({ default: "1000/min" }), or some of them with @Throttle("10/min").';

@Controller()
class OpenController {
  @Get() list() {}
}

@Controller()
@SkipThrottle()
class SkippedController {
  @Get() list() {}
}

@Controller()
@Throttle('5/min')
class EmptyController {}

@Controller()
class LimitedController {
  @Throttle('5/min') @Get() list() {}
}

@Throttle('5/min')
@Controller()
class LimitedClassController {
  @Get() list() {}
}

@Controller()
class SearchController {
  @Throttle('search') @Get() list() {}
}

@Controller()
class ManualController {
  @Throttle('5/min', { manual: true }) @Get() list() {}
}

@WebSocketGateway()
class OpenGateway {
  @SubscribeMessage('say') say() {}
}

@WebSocketGateway()
class MessageGateway {
  @Throttle('5/min') @SubscribeMessage('say') say() {}
}

@Throttle({ connections: '5/min' })
@WebSocketGateway()
class ConnectionGateway {}

@Injectable()
class Mailer {
  constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}
}

@Injectable()
class Reporter {
  @Inject(ThrottleService) readonly throttle!: ThrottleService;
}

@Injectable()
class Finder {
  constructor(@Inject(ModuleRef) readonly modules: ModuleRef) {}
}

type Parts = Pick<AppOptions, 'controllers' | 'providers' | 'options'>;

describe.each(adapters)('on %s', (adapter) => {
  async function warningsOf(parts: Parts): Promise<readonly string[]> {
    const warnings: string[] = [];
    const prepare: AppOptions['prepare'] = (app) => app.useWebSocketAdapter(new WsAdapter(app));
    await using _ = await startApp({ adapter, warnings, prepare, ...parts });
    return warnings;
  }

  it.each<readonly [title: string, parts: Parts]>([
    ['no limit', { controllers: [OpenController] }],
    ['policies that nothing uses', { controllers: [OpenController], options: { policies: { search: '5/min' } } }],
    ['skips alone', { controllers: [SkippedController] }],
    ['a limit on a class without handlers', { controllers: [EmptyController] }],
    ['a gateway without limits', { providers: [OpenGateway] }],
    ['a provider that injects something else', { controllers: [OpenController], providers: [Finder] }],
    ['options of sockets without limits', { controllers: [OpenController], options: { sockets: { closeAfter: 3 } } }],
  ])('an application with %s warns once that nothing is limited', async (_, parts) => {
    expect(await warningsOf(parts)).toEqual([NOTHING]);
  });

  it.each<readonly [title: string, parts: Parts]>([
    ['a default', { controllers: [OpenController], options: { default: '5/min' } }],
    ['a default that limits nothing by intention', { options: { default: 'unlimited' } }],
    ['a limit on a method', { controllers: [LimitedController] }],
    ['a limit on a class', { controllers: [LimitedClassController] }],
    ['a policy in use', { controllers: [SearchController], options: { policies: { search: '5/min' } } }],
    ['a limit that is charged by hand', { controllers: [ManualController] }],
    ['a limit of messages', { providers: [MessageGateway] }],
    ['a limit of connections of a gateway', { providers: [ConnectionGateway] }],
    ['a limit of connections', { providers: [OpenGateway], options: { sockets: { connections: '5/min' } } }],
    ['a limit of frames', { providers: [OpenGateway], options: { sockets: { frames: '5/min' } } }],
    ['the service in a constructor', { providers: [Mailer] }],
    ['the service in a property', { providers: [Reporter] }],
    [
      'the service in a factory',
      { providers: [{ provide: 'mailer', useFactory: (throttle) => throttle, inject: [ThrottleService] }] },
    ],
  ])('an application with %s does not', async (_, parts) => {
    expect(await warningsOf(parts)).toEqual([]);
  });
});
