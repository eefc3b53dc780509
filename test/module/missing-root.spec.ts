import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Get,
  type LoggerService,
  Module,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Concurrency, SkipThrottle, Throttle, ThrottleModule } from 'nestjs-sluice';

@Controller('reports')
class ReportsController {
  @Throttle('5/min') @Get() list() {}
  @Throttle('5/min') @Get('latest') latest() {}
}

@Throttle('5/min')
@Controller('base')
class BaseController {
  @Get() list() {}
}

@Controller('derived')
class DerivedController extends BaseController {}

@Controller('exports')
class ExportController {
  @Concurrency(2) @Get() list() {}
}

@WebSocketGateway()
class ChatGateway {
  @Throttle('5/min') @SubscribeMessage('say') say() {}
}

@SkipThrottle()
@Controller('health')
class HealthController {
  @Get() read() {}
}

@Catch(ConflictException)
class TeapotFilter implements ExceptionFilter {
  catch(_exception: ConflictException, host: ArgumentsHost) {
    host.switchToHttp().getResponse().status(418).send();
  }
}

/** Starts an application, and returns its warnings. */
async function warningsOf(
  controllers: readonly Type[],
  { imports = [], providers = [] }: { imports?: readonly DynamicModule[]; providers?: readonly Type[] } = {},
): Promise<readonly string[]> {
  @Module({ imports: [...imports], controllers: [...controllers], providers: [...providers] })
  class AppModule {}
  const warnings: string[] = [];
  const logger: LoggerService = { log() {}, error() {}, warn: (message: string) => warnings.push(message) };
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger, abortOnError: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.init();
  await app.close();
  return warnings;
}

const nothing = (classes: string) =>
  `Nothing is limited: ${classes} limits, but no module imports ThrottleModule. Import ThrottleModule.forRoot() in the root module.`;

describe('an application with limits that does not import ThrottleModule', () => {
  it.each([
    ['on methods of a controller', [ReportsController], [], 'ReportsController has'],
    [
      'on a class, and on one that extends it',
      [BaseController, DerivedController],
      [],
      'BaseController, DerivedController have',
    ],
    ['on a class that another one extends', [DerivedController], [], 'DerivedController has'],
    ['on a class that is registered twice', [ReportsController], [ReportsController], 'ReportsController has'],
    ['of concurrency', [ExportController], [], 'ExportController has'],
    ['on a gateway', [], [ChatGateway], 'ChatGateway has'],
  ])('is warned once about limits %s', async (_, controllers, providers, classes) => {
    expect(await warningsOf(controllers, { providers })).toEqual([nothing(classes)]);
  });

  it('is not warned without limits, or with the module, also if the module is not global', async () => {
    expect(await warningsOf([HealthController])).toEqual([]);
    expect(await warningsOf([ReportsController], { imports: [ThrottleModule.forRoot({ default: '5/min' })] })).toEqual(
      [],
    );
    const imports = [ThrottleModule.forRoot({ default: '5/min', isGlobal: false })];
    expect(await warningsOf([ReportsController], { imports })).toEqual([]);
  });

  it('prints nothing in a test of a controller', async () => {
    const moduleRef = await Test.createTestingModule({ controllers: [ReportsController] }).compile();
    expect(moduleRef.get(ReportsController).list()).toBeUndefined();
    await moduleRef.close();
  });

  it('leaves errors to the filters of the application', async () => {
    @Controller('failing')
    class FailingController {
      @Throttle('5/min') @Get() fail() {
        throw new ConflictException('taken');
      }
      @UseFilters(TeapotFilter) @Get('caught') caught() {
        throw new ConflictException('taken');
      }
    }
    @Module({ controllers: [FailingController] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    const send = async (path: string) => await fetch(`${await app.getUrl()}${path}`);
    expect(await (await send('/failing')).json()).toMatchObject({ message: 'taken', statusCode: 409 });
    expect((await send('/failing/caught')).status).toBe(418);
    await app.close();
  });
});
