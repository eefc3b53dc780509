import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  type Charge,
  FunctionTimeoutException,
  MemoryBackend,
  type Outcome,
  type PolicyOptions,
  Throttle,
  type ThrottleEvent,
  type ThrottleModuleOptions,
  ThrottleService,
  ThrottleUnavailableException,
} from '../../src/index.js';
import { startSockets } from '../support/gateway-app.js';
import { type AdapterName, adapters, startApp } from '../support/http-app.js';
import { startContext } from '../support/service-app.js';
import { until } from '../support/wait-until.js';
import { speaking } from '../transports/sockets/chat-gateway.js';

const never = () => new Promise<never>(() => {});
/** Short, so that a test waits for it once. */
const soon = { functionTimeoutMs: 20 } as const;

/** Limits of one policy with a function that never answers, and the path of that function. */
const hanging: readonly (readonly [path: string, limit: Partial<PolicyOptions>])[] = [
  ['by', { by: never }],
  ['cost', { cost: never }],
  ['rate', { rate: never }],
  ['skip', { skip: never }],
  ['mode', { mode: never }],
  ['overrides', { overrides: never }],
  ['anchor', { rate: '100/day', strategy: 'calendar', anchor: never }],
];

async function start(adapter: AdapterName, limit: Partial<PolicyOptions>, options?: ThrottleModuleOptions) {
  const runs = { count: 0 };

  @Controller('limited')
  class LimitedController {
    @Throttle('api')
    @Get()
    list(): string {
      runs.count++;
      return 'list';
    }
  }
  const warnings: string[] = [];
  const policies = { api: { rate: '5/min', strategy: 'fixed-window', ...limit } };
  const app = await startApp({
    adapter,
    controllers: [LimitedController],
    options: { policies, ...soon, ...options },
    warnings,
  });
  const events: ThrottleEvent[] = [];
  app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
  return { app, runs, warnings, events };
}

describe.each(adapters)('a function that never resolves, on %s', (adapter) => {
  it.each(hanging)('causes a 503 that names `%s`, and the handler does not run', async (path, limit) => {
    const { app, runs, warnings, events } = await start(adapter, limit);
    await using _ = app;
    const { status, headers, body } = await app.send('/limited');
    expect([status, headers['retry-after'], headers['cache-control'], body.error]).toEqual([
      503,
      '1',
      'no-store',
      'Service Unavailable',
    ]);
    expect(runs.count).toBe(0);
    const named = warnings.filter((warning) =>
      warning.includes(
        `@Throttle("api") on LimitedController.list, ${path} of policy "api": expected a result within 20`,
      ),
    );
    expect(named).toHaveLength(1);
    expect(events).toMatchObject([{ type: 'denied', outcome: { degraded: 'deny' } }]);
  });

  it.each([
    ['message', { message: never }],
    ['onDenied', { onDenied: never }],
  ])('causes a 503 for a denied call if it is `%s`', async (path, limit: Partial<PolicyOptions>) => {
    const { app, warnings } = await start(adapter, { rate: '1/min', ...limit });
    await using _ = app;
    expect(await app.statuses('/limited', 2)).toEqual([200, 503]);
    expect(warnings.join('\n')).toContain(`, ${path} of policy "api": expected a result within 20 ms, got none`);
  });

  it.each([
    ['skip', { skip: never }],
    ['mode', { mode: never }],
  ])('causes a 503 if it is the `%s` of the module', async (path, options: ThrottleModuleOptions) => {
    const { app, runs, warnings } = await start(adapter, {}, options);
    await using _ = app;
    expect(await app.statuses('/limited', 1)).toEqual([503]);
    expect(runs.count).toBe(0);
    expect(warnings.join('\n')).toMatch(new RegExp(`${path}.*: expected a result within 20 ms, got none`));
  });

  it.each(['guard', 'handler'] as const)('causes a 503 in the phase `%s`, and charges nothing', async (phase) => {
    const answers = { by: never as () => Promise<string> };
    const policies = {
      api: { rate: '5/min', strategy: 'fixed-window', by: () => answers.by(), phase },
      first: '3/min',
    } as const;

    @Controller()
    class BothController {
      @Throttle('first')
      @Throttle('api')
      @Get()
      list(): string {
        return 'list';
      }
    }
    await using app = await startApp({ adapter, controllers: [BothController], options: { policies, ...soon } });
    expect(await app.statuses('/', 2)).toEqual([503, 503]);
    answers.by = async () => 'user:ada';
    const { status, headers } = await app.send('/');
    expect([status, headers.ratelimit]).toEqual([
      200,
      expect.stringMatching(/"api";r=4.*"first";r=2|"first";r=2.*"api";r=4/),
    ]);
  });

  it('lets the application close', async () => {
    const asked = { count: 0 };
    const by = () => {
      asked.count++;
      return never();
    };
    const { app, warnings } = await start(adapter, { by }, { functionTimeoutMs: 3_600_000 });
    const answer = app.send('/limited');
    await until(() => asked.count > 0);
    await Promise.all([app.app.close(), expect(answer).resolves.toMatchObject({ status: 503 })]);
    expect(warnings.join('\n')).toContain(
      'by of policy "api": expected a result within 500 ms while the application closes, got none.',
    );
  });

  it('does not delay later calls', async () => {
    const asked: (() => Promise<string>)[] = [never, async () => 'free'];
    const plans = {
      of: () => asked.shift()?.() ?? 'free',
      default: 'free',
      tiers: { free: { api: '2/min' } },
      cacheMs: 3_600_000,
    };
    const { app, warnings } = await start(adapter, { by: () => 'user:ada' }, { plans });
    await using _ = app;
    expect(await app.statuses('/limited', 4)).toEqual([503, 200, 200, 429]);
    expect(warnings.join('\n')).toContain('plans.of: expected a result within 20 ms, got none');
  });
});

describe('a function that never resolves, called by the service', () => {
  it('rejects each method with an error that names it', async () => {
    await using context = await startContext({ policies: { api: { rate: '5/min', by: never } }, ...soon });
    const { throttle } = context;
    await expect(throttle.hit('api')).rejects.toThrow(ThrottleUnavailableException);
    for (const call of [throttle.consume('api'), throttle.check('api'), throttle.stat('api'), throttle.reset('api')]) {
      const error: unknown = await call.catch((error: unknown) => error);
      expect(error).toBeInstanceOf(FunctionTimeoutException);
      expect(error).toMatchObject({ functionPath: 'policies.api.by', policy: 'api', status: 503 });
    }
  });

  it('is the cause of the exception of `hit`', async () => {
    await using context = await startContext({ policies: { api: { rate: '5/min', by: never } }, ...soon });
    await expect(context.throttle.hit('api')).rejects.toMatchObject({ cause: { functionPath: 'policies.api.by' } });
  });

  it('uses the last known plan, if there is one', async () => {
    const asked: (() => Promise<string>)[] = [async () => 'pro', never];
    const plans = {
      of: () => asked.shift()?.() ?? never(),
      default: 'free',
      tiers: { free: {}, pro: { api: '7/min' } },
      cacheMs: 1000,
    } as const;
    await using context = await startContext({ policies: { api: '5/min' }, plans, ...soon });
    const limit = async () => (await context.throttle.consume('api', 1, { subject: 'user:ada' })).binding?.limit;
    expect(await limit()).toBe(7);
    context.clock.advance(1000);
    expect(await limit()).toBe(7);
  });

  it('rejects nothing if it resolves in time, at once or later', async () => {
    const rate = '5/min';
    const answers: (() => string | Promise<string>)[] = [() => 'user:ada', async () => setImmediate('user:ada')];
    await using context = await startContext({ policies: { api: { rate, by: () => answers.shift()?.() } } });
    const remaining = async () => (await context.throttle.consume('api')).binding?.remaining;
    expect([await remaining(), await remaining()]).toEqual([4, 3]);
  });
});

describe.each(['ws', 'io'] as const)('a function that never resolves, on %s', (transport) => {
  it('drops the message with a notice that limits cannot be checked', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking({ by: never }), options: soon });
    const socket = await sockets.connect();
    socket.send('say', 1);
    await until(() => socket.received.length > 0);
    expect(socket.received).toMatchObject([
      { event: 'rate_limit', data: { error: 'Limits cannot be checked now', retry_after: 1, policy: null } },
    ]);
  });

  it('refuses the connection with 503', async () => {
    const connections = { rate: '5/min', by: never };
    await using sockets = await startSockets({
      transport,
      gateways: speaking(),
      options: { ...soon, sockets: { connections } },
    });
    await expect(sockets.connect()).rejects.toMatchObject({ status: 503 });
  });
});

/** A backend of one's own whose calls can be made to hang, and then answered. */
class HangingBackend extends MemoryBackend {
  isHanging = true;
  readonly answers: (() => void)[] = [];
  readonly settled: (readonly number[])[] = [];

  override spend(charges: readonly Charge[]): Outcome {
    // Values that untyped code may return.
    return this.#later(() => super.spend(charges)) as never;
  }

  override peek(charges: readonly Charge[]): Outcome {
    return this.#later(() => super.peek(charges)) as never;
  }

  override settle(...args: Parameters<MemoryBackend['settle']>): void {
    this.settled.push(args[1]);
    super.settle(...args);
  }

  async #later(answer: () => Outcome): Promise<Outcome> {
    if (this.isHanging) await new Promise<void>((resolve) => this.answers.push(resolve));
    return answer();
  }
}

/** As a class that is no MemoryBackend. */
function asOther(backend: HangingBackend, remote = false) {
  class TableBackend {
    readonly clock = backend.clock;
    readonly remote = remote;
    spend = backend.spend.bind(backend);
    peek = backend.peek.bind(backend);
    settle = backend.settle.bind(backend);
    reset = backend.reset.bind(backend);
  }
  return new TableBackend();
}

describe('a custom backend that never responds', () => {
  it('has its calls rejected with 503, by an error that names the method and the policy', async () => {
    const backend = asOther(new HangingBackend());
    await using context = await startContext({ backend, policies: { api: '5/min' }, ...soon });
    const error: unknown = await context.throttle
      .consume('api', 1, { subject: 'ada' })
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(FunctionTimeoutException);
    expect(error).toMatchObject({ functionPath: 'TableBackend.spend()', policy: 'api' });
    await expect(context.throttle.check('api', 1, { subject: 'ada' })).rejects.toMatchObject({
      functionPath: 'TableBackend.peek()',
    });
  });

  it('has its credits rejected', async () => {
    const backend = Object.assign(asOther(new HangingBackend()), { credit: never });
    await using context = await startContext({ backend, policies: { api: '5/min' }, ...soon });
    await expect(context.throttle.credit('api', 1, { subject: 'ada' })).rejects.toMatchObject({
      functionPath: 'TableBackend.credit()',
      policy: 'api',
    });
  });

  it('gets units back that it takes too late', async () => {
    const hanging = new HangingBackend();
    await using context = await startContext({ backend: asOther(hanging), policies: { api: '5/min' }, ...soon });
    const { throttle } = context;
    await expect(throttle.hit('api', 2, { subject: 'ada' })).rejects.toThrow(ThrottleUnavailableException);
    hanging.isHanging = false;
    for (const answer of hanging.answers) answer();
    await until(() => hanging.settled.length > 0);
    expect(hanging.settled).toEqual([[0]]);
    expect(await throttle.consume('api', 1, { subject: 'ada' })).toMatchObject({ binding: { remaining: 4 } });
  });

  it('does not keep the application from closing', async () => {
    const backend = Object.assign(asOther(new HangingBackend()), { close: never });
    const warnings: string[] = [];
    const app = await startApp({
      adapter: 'express',
      options: { backend, policies: { api: '5/min' }, ...soon },
      warnings,
    });
    await app.app.close();
    expect(warnings.join('\n')).toContain('TableBackend.close(): expected a result within 20 ms, got none.');
  });

  it('is unavailable if it is remote, so that onError decides', async () => {
    const backend = asOther(new HangingBackend(), true);
    await using context = await startContext({ backend, policies: { api: '1/min' }, ...soon });
    const decide = () => context.throttle.consume('api', 1, { subject: 'ada' });
    expect([await decide(), await decide()]).toMatchObject([
      { allowed: true, degraded: 'local' },
      { allowed: false, degraded: 'local' },
    ]);
  });
});
