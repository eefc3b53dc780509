// An application on Nest 11 that runs in a process of its own, compiled to a CommonJS or an ES module, as real ones are.
// It writes one line of JSON with its port, and ends when its standard input does.
import 'reflect-metadata';
import {
  Controller,
  type DynamicModule,
  Get,
  Inject,
  Module,
  type NestApplicationOptions,
  Scope,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SkipThrottle, Throttle, ThrottleModule, ThrottleService } from 'nestjs-sluice';

interface Instrumentation {
  /** Names of spans, or of what is instrumented. */
  readonly seen: readonly string[];
  readonly imports?: DynamicModule[];
  readonly instrument?: NonNullable<NestApplicationOptions['instrument']>;
}

declare global {
  /** Set by what runs before the application, if anything does. */
  var instrumentation: Instrumentation | undefined;
}

@Controller('reports')
class ReportsController {
  @Throttle('2/hour')
  @Get('list')
  list(): string {
    return 'list';
  }

  @SkipThrottle()
  @Get('health')
  health(): string {
    return 'health';
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Throttle('each')
  @Get('first')
  first(): string {
    return 'first';
  }

  @Throttle('each')
  @Get('second')
  second(): string {
    return 'second';
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  @Throttle('2/hour')
  @Get('list')
  list(): string {
    return 'list';
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Throttle('each')
  @Get('first')
  first(): string {
    return 'first';
  }

  @Throttle('each')
  @Get('second')
  second(): string {
    return 'second';
  }
}

@Throttle('3/hour')
@Controller('class')
class ClassController {
  @Get('one')
  one(): string {
    return 'one';
  }

  @Get('two')
  two(): string {
    return 'two';
  }

  @Throttle('1/hour')
  @Get('tight')
  tight(): string {
    return 'tight';
  }

  @SkipThrottle()
  @Get('free')
  free(): string {
    return 'free';
  }
}

/** Has a budget for each of its handlers, on which nothing is written. */
@Throttle('2/hour', { scope: 'handler' })
@Controller('each')
class EachController {
  @Get('one')
  one(): string {
    return 'one';
  }

  @Get('two')
  two(): string {
    return 'two';
  }
}

@WebSocketGateway()
class ChatGateway {
  @Throttle('2/hour')
  @SubscribeMessage('say')
  say(@MessageBody() data: unknown): unknown {
    return { event: 'said', data };
  }

  @SkipThrottle()
  @SubscribeMessage('typing')
  typing(): unknown {
    return { event: 'typing' };
  }

  @SubscribeMessage('plain')
  plain(): unknown {
    return { event: 'plain' };
  }
}

/** The events so far. */
@SkipThrottle()
@Controller('status')
class StatusController {
  private readonly denied: (string | undefined)[] = [];

  constructor(@Inject(ThrottleService) throttle: ThrottleService) {
    throttle.events$.subscribe((event) => {
      if (event.type === 'denied') this.denied.push(event.handler);
    });
  }

  @Get()
  read(): object {
    return { denied: this.denied, seen: instrumented?.seen ?? [], warnings, errors };
  }
}

const warnings: string[] = [];
const errors: string[] = [];
const instrumented = globalThis.instrumentation;

@Module({
  imports: [
    ThrottleModule.forRoot({
      policies: { each: { rate: '2/hour', scope: 'handler' } },
      sockets: { noticeEveryMs: 0 },
    }),
    ...(instrumented?.imports ?? []),
  ],
  controllers: [ReportsController, ScopedController, ClassController, EachController, StatusController],
  providers: [ChatGateway],
})
class AppModule {}

async function main(): Promise<void> {
  const adapter = process.env.ADAPTER === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(AppModule, adapter, {
    abortOnError: false,
    ...(instrumented?.instrument && { instrument: instrumented.instrument }),
    logger: {
      log: () => {},
      warn: (message: string) => warnings.push(message),
      error: (error: unknown) => errors.push(String(error)),
    },
  });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  process.stdin.on('end', () => app.close()).resume();
  process.stdout.write(`${JSON.stringify({ port: app.getHttpServer().address().port })}\n`);
}

void main();
