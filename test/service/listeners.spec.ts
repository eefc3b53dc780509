import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import {
  BackendError,
  type BackendEvent,
  type Charge,
  MemoryBackend,
  type Outcome,
  Throttle,
  type ThrottleEvent,
  ThrottleModule,
  ThrottleService,
} from '../../src/index.js';
import { startApp } from '../support/http-app.js';
import { startContext } from '../support/service-app.js';
import { until } from '../support/wait-until.js';

const policies = { api: { rate: '1/min', strategy: 'fixed-window' } } as const;
const ada = { subject: 'user:ada' };
const thrown = new Error('the listener failed');
const failing = () => {
  throw thrown;
};

/** Errors that reach the process: those that RxJS rethrows, and unhandled rejections. */
function escaping() {
  const escaped: unknown[] = [];
  const note = (error: unknown) => escaped.push(error);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  return {
    escaped,
    [Symbol.dispose]: () => void process.off('uncaughtException', note).off('unhandledRejection', note),
  };
}

/** Long enough for what was thrown to have reached the process. */
async function settled() {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A logger that keeps errors, or throws. */
class TestLogger implements LoggerService {
  readonly errors: unknown[] = [];
  constructor(private readonly isBroken = false) {}
  log(): void {
    this.#fail();
  }
  warn(): void {
    this.#fail();
  }
  error(error: unknown): void {
    this.errors.push(error);
    this.#fail();
  }
  #fail(): void {
    if (this.isBroken) throw thrown;
  }
}

async function startWith(logger: LoggerService, backend: MemoryBackend = new MemoryBackend()) {
  @Module({ imports: [ThrottleModule.forRoot({ backend, policies })] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger, abortOnError: false });
  return { throttle: app.get(ThrottleService), [Symbol.asyncDispose]: () => app.close() };
}

/** The outcomes of three calls, as they are without listeners. */
async function decisionsOf(throttle: ThrottleService): Promise<readonly boolean[]> {
  const allowed: boolean[] = [];
  for (let i = 0; i < 3; i++) allowed.push((await throttle.consume('api', 1, ada)).allowed);
  return allowed;
}

describe('a subscriber of events$', () => {
  it.each([
    ['that throws', (throttle: ThrottleService) => throttle.events$.subscribe(failing)],
    ['with members that throws', (throttle: ThrottleService) => throttle.events$.subscribe({ next: failing })],
    ['that rejects', (throttle: ThrottleService) => throttle.events$.subscribe(async () => failing())],
    ['behind an operator', (throttle: ThrottleService) => throttle.events$.pipe(filter(() => true)).subscribe(failing)],
    ['with an operator that throws', (throttle: ThrottleService) => throttle.events$.pipe(map(failing)).subscribe()],
  ])('%s changes no decision and does not end the process: it is logged once', async (_what, subscribe) => {
    using process = escaping();
    const logger = new TestLogger();
    await using app = await startWith(logger);
    const { throttle } = app;
    subscribe(throttle);
    const events: ThrottleEvent[] = [];
    throttle.events$.subscribe((event) => events.push(event));
    expect(await decisionsOf(throttle)).toEqual([true, false, false]);
    await settled();
    expect(events).toHaveLength(2);
    expect(logger.errors).toEqual([thrown]);
    expect(process.escaped).toEqual([]);
  });

  it('gets the exception of an operator, if it subscribes to errors', async () => {
    const logger = new TestLogger();
    await using app = await startWith(logger);
    const errors: unknown[] = [];
    app.throttle.events$.pipe(map(failing)).subscribe({ error: (error: unknown) => errors.push(error) });
    await decisionsOf(app.throttle);
    expect([errors, logger.errors]).toEqual([[thrown], []]);
  });

  it('runs outside the stack of the call, in the order of the events', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const order: string[] = [];
    const all = firstValueFrom(throttle.events$.pipe(take(2), toArray()));
    throttle.events$.subscribe(() => order.push('told'));
    await throttle.consume('api', 1, ada);
    const calls = [throttle.consume('api', 2, ada), throttle.consume('api', 3, ada)];
    order.push('called');
    await Promise.all(calls);
    expect(order).toEqual(['called', 'told', 'told']);
    expect((await all).map((event) => event.type === 'denied' && event.charges[0]?.cost)).toEqual([2, 3]);
  });

  it('gets a block outside the stack of the call, too, after the denial that began it', async () => {
    await using context = await startContext({ policies: { api: { ...policies.api, block: { for: '5m' } } } });
    const { throttle } = context;
    const order: string[] = [];
    throttle.events$.subscribe(({ type }) => order.push(type));
    await throttle.consume('api', 1, ada);
    const denied = throttle.consume('api', 1, ada);
    order.push('called');
    await denied;
    expect(order).toEqual(['called', 'denied', 'blocked']);
  });

  it('gets the remaining events when the application closes, and then the completion', async () => {
    const context = await startContext({ policies });
    const told: unknown[] = [];
    context.throttle.events$.subscribe({ next: ({ type }) => told.push(type), complete: () => told.push('end') });
    await decisionsOf(context.throttle);
    await context.close();
    expect(told).toEqual(['denied', 'denied', 'end']);
  });

  it('may be slow: no call waits for it', async () => {
    @Controller()
    class OpenController {
      @Throttle('api')
      @Get()
      list(): string {
        return 'list';
      }
    }
    await using app = await startApp({ adapter: 'express', controllers: [OpenController], options: { policies } });
    const told: unknown[] = [];
    app.app.get(ThrottleService).events$.subscribe(async (event) => {
      await new Promise(() => {});
      told.push(event);
    });
    expect(await app.statuses('/', 3)).toEqual([200, 429, 429]);
    expect(told).toEqual([]);
  });
});

describe('a logger that throws', () => {
  let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;

  beforeEach(() => {
    emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  });

  afterEach(() => {
    emitWarning.mockRestore();
  });

  it('changes no decision, also when a subscriber throws', async () => {
    using process = escaping();
    // Nest itself logs while it starts, and would fail.
    const logger = new TestLogger();
    await using app = await startWith(logger);
    Object.assign(logger, { error: failing, warn: failing, log: failing });
    app.throttle.events$.subscribe(failing);
    expect(await decisionsOf(app.throttle)).toEqual([true, false, false]);
    await settled();
    expect(process.escaped).toEqual([]);
    expect(emitWarning.mock.calls).toHaveLength(1);
  });

  it('fails no call at the beginning and the end of an outage', async () => {
    using process = escaping();
    const logger = new TestLogger();
    const backend = new FailingBackend();
    await using app = await startWith(logger, backend);
    Object.assign(logger, { error: failing, warn: failing, log: failing });
    const { throttle } = app;
    throttle.events$.subscribe(failing);
    const told: string[] = [];
    throttle.events$.subscribe(({ type }) => told.push(type));
    backend.isAvailable = false;
    for (let i = 0; i < 6; i++) expect(await throttle.consume('api', 1, ada)).toMatchObject({ degraded: 'local' });
    backend.isAvailable = true;
    // A call starts the probe that ends the outage; units that the process admitted during it may still deny it.
    await until(async () => {
      await throttle.consume('api', 1, ada);
      return told.includes('recovered');
    });
    expect(told).toContain('degraded');
    await settled();
    expect(process.escaped).toEqual([]);
  });
});

/** A remote backend that may be unavailable. Its own listeners are not fenced, as those of another author may be. */
class FailingBackend extends MemoryBackend {
  readonly remote = true;
  isAvailable = true;
  readonly #listeners: ((event: BackendEvent) => void)[] = [];

  override listen(listener: (event: BackendEvent) => void): void {
    this.#listeners.push(listener);
  }

  override spend(charges: readonly Charge[]): Outcome {
    for (const listener of this.#listeners) listener({ type: 'garbage', policies: ['api'] });
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return super.spend(charges);
  }

  override peek(charges: readonly Charge[]): Outcome {
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return super.peek(charges);
  }
}
