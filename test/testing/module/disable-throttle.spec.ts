import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import {
  by,
  RedisBackend,
  ThrottleConfigError,
  ThrottleGuard,
  ThrottleModule,
  type ThrottleModuleOptions,
  ThrottleService,
} from 'nestjs-sluice';
import { disableThrottle, ManualClock, useManualClock } from 'nestjs-sluice/testing';
import { transports } from '../../support/gateway-app.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters } from '../../support/http-app.js';
import { appModule, run, talk } from './existing-application.js';

/** A port where Redis would be. It counts who comes. */
let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => {
  server.close();
});

const redisAt = (options: object = {}) => {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: null, ...options });
  client.on('error', () => {});
  return new RedisBackend(client);
};

const options = (): ThrottleModuleOptions => ({
  backend: () => redisAt(),
  default: '2/min',
  policies: { mail: '3/min' },
  sockets: { frames: '3/min', connections: '2/min', closeAfter: 1 },
});

/** The ways in which applications import the module. */
const imports = {
  'forRoot, which binds the guard for all handlers': () => ThrottleModule.forRoot(options()),
  forRootAsync: () => ThrottleModule.forRootAsync({ useFactory: async () => options() }),
  'forRoot with guards bound by hand': () => ThrottleModule.forRoot({ ...options(), guard: false }),
};

describe.each(Object.entries(imports))('disableThrottle, in an application with %s', (_name, throttle) => {
  it.each(adapters)('lets all requests pass on %s, without headers', async (adapter) => {
    const builder = disableThrottle(Test.createTestingModule({ imports: [appModule(throttle())] }));
    await using app = await run(builder, { adapter });
    for (const path of ['/reports', '/guarded', '/mine']) {
      expect(await app.http.statuses(path, 4)).toEqual([200, 200, 200, 200]);
      expect(limitHeaders(await app.http.send(path))).toEqual({});
    }
    expect(connections).toBe(0);
  });

  it.each(transports)('lets all connections, frames and messages pass on %s', async (transport) => {
    const builder = disableThrottle(Test.createTestingModule({ imports: [appModule(throttle())] }));
    await using sockets = await run(builder, { transport });
    expect(await talk(sockets)).toEqual({ connected: 4, answered: 4 });
    expect(connections).toBe(0);
  });

  it('lets the methods of the service resolve as allowed', async () => {
    const builder = disableThrottle(Test.createTestingModule({ imports: [appModule(throttle())] }));
    await using app = await run(builder);
    for (let i = 0; i < 3; i++) {
      const { body } = await app.http.send('/by-hand');
      expect(body).toEqual({ allowed: true, consumed: true, checked: true, stat: null });
    }
    expect(connections).toBe(0);
  });
});

describe('disableThrottle', () => {
  it('lets requests pass if the application binds ThrottleGuard by APP_GUARD itself', async () => {
    const guard = { provide: APP_GUARD, useClass: ThrottleGuard };
    const root = appModule(ThrottleModule.forRoot({ ...options(), guard: false }), [guard]);
    await using limited = await run(useManualClock(Test.createTestingModule({ imports: [root] }), new ManualClock(0)));
    expect(await limited.http.statuses('/reports', 3)).toEqual([200, 200, 429]);
    await using free = await run(disableThrottle(Test.createTestingModule({ imports: [root] })));
    expect(await free.http.statuses('/reports', 4)).toEqual([200, 200, 200, 200]);
    expect(connections).toBe(0);
  });

  it('never uses a backend object in the options', async () => {
    const backend = redisAt({ lazyConnect: true });
    const builder = Test.createTestingModule({
      imports: [appModule(ThrottleModule.forRoot({ ...options(), backend }))],
    });
    await using app = await run(disableThrottle(builder));
    expect(await app.http.statuses('/reports', 3)).toEqual([200, 200, 200]);
    expect(connections).toBe(0);
  });

  it('calls no function of the options', async () => {
    const called: string[] = [];
    const note = (name: string) => (): never => {
      called.push(name);
      throw new Error(`${name} was called`);
    };
    const throttle = ThrottleModule.forRoot({
      policies: { mail: '3/min' },
      default: { rate: note('rate'), by: note('by'), cost: note('cost'), skip: note('skip') },
      skip: note('skip'),
      onDenied: note('onDenied'),
      message: note('message'),
    });
    await using app = await run(disableThrottle(Test.createTestingModule({ imports: [appModule(throttle)] })));
    expect(await app.http.statuses('/by-hand', 1)).toEqual([200]);
    expect(called).toEqual([]);
  });

  it('starts whatever parts of a backend the policies need, and lets the methods for them resolve', async () => {
    const throttle = ThrottleModule.forRoot({
      policies: {
        mail: '3/min',
        login: { rate: '1/min', block: { for: '5m' }, overrides: true, concurrency: 1 },
        tokens: { budget: '1/min' },
      },
    });
    await using app = await run(disableThrottle(Test.createTestingModule({ imports: [appModule(throttle)] })));
    const service = app.app.get(ThrottleService);
    const subject = 'user:7';
    await service.blocks.set('login', subject, '1h');
    await service.overrides.set('login', subject, '2/min');
    await service.credit('login', 5, { subject });
    const { allowed } = await service.run('login', { subject }, () => service.consume('mail', 9, { subject }));
    expect(allowed).toBe(true);
    const hold = await service.budget('tokens').reserve(5, { subject });
    expect(await hold.settle(9)).toBe(true);
  });

  it('still stops startup at a mistake in the limits', async () => {
    const throttle = ThrottleModule.forRoot({
      // @ts-expect-error the compiler refuses it, too
      default: { rate: '5/fortnight', by: by.ip() },
      policies: { mail: '3/min' },
    });
    const builder = disableThrottle(Test.createTestingModule({ imports: [appModule(throttle)] }));
    await expect(builder.compile()).rejects.toThrow(ThrottleConfigError);
  });

  it('changes nothing in an application without ThrottleModule', async () => {
    const moduleRef = await disableThrottle(Test.createTestingModule({})).compile();
    await moduleRef.close();
  });

  it('reports what it needs if it gets anything else', () => {
    expect(() => disableThrottle(Reflect.get({}, 'missing'))).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_ARGUMENT',
        'disableThrottle: expected the builder that Test.createTestingModule() returns, before compile(), got undefined',
      ),
    );
  });
});
