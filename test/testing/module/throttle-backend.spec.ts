import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import {
  type Backend,
  ManualClock,
  MemoryBackend,
  THROTTLE_BACKEND,
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleOptions,
} from 'nestjs-sluice';
import { useManualClock } from 'nestjs-sluice/testing';
import { transports } from '../../support/gateway-app.js';
import { appModule, run, talk } from './existing-application.js';

/** A backend of the application that no test reaches. */
function unreachable(): Backend {
  throw new Error('the configured backend was made');
}

const options: ThrottleModuleOptions = {
  backend: unreachable,
  policies: { mail: '5/min' },
};

const imports = {
  'forRoot, which binds the guard for all handlers': () => ThrottleModule.forRoot(options),
  forRootAsync: () => ThrottleModule.forRootAsync({ useFactory: async () => options }),
};

describe.each(Object.entries(imports))('useManualClock, in an application with %s', (_name, throttle) => {
  it('limits requests by the clock of the test, and never creates the configured backend', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using app = await run(useManualClock(Test.createTestingModule({ imports: [appModule(throttle())] }), clock));
    for (const path of ['/reports', '/guarded', '/mine']) {
      expect(await app.http.statuses(path, 3)).toEqual([200, 200, 429]);
      clock.advance(120_000);
      expect(await app.http.statuses(path, 3)).toEqual([200, 200, 429]);
    }
  });

  it.each(transports)('limits connections and messages on %s by it', async (transport) => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const builder = useManualClock(Test.createTestingModule({ imports: [appModule(throttle())] }), clock);
    await using sockets = await run(builder, { transport });
    expect(await talk(sockets)).toEqual({ connected: 2, answered: 2 });
    clock.advance(120_000);
    expect(await talk(sockets)).toEqual({ connected: 2, answered: 2 });
  });
});

describe('useManualClock', () => {
  it('limits an application where it binds ThrottleGuard itself', async () => {
    const throttle = ThrottleModule.forRoot({ ...options, guard: false });
    const builder = Test.createTestingModule({ imports: [appModule(throttle)] });
    await using app = await run(useManualClock(builder, new ManualClock(0)));
    expect(await app.http.statuses('/guarded', 3)).toEqual([200, 200, 429]);
    expect(await app.http.statuses('/reports', 3)).toEqual([200, 200, 200]);
  });

  it('reports what it needs if the clock is missing', () => {
    const builder = Test.createTestingModule({});
    expect(() => useManualClock(builder, Reflect.get({}, 'clock'))).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_ARGUMENT',
        'useManualClock: expected a clock that the test moves, such as new ManualClock(), got undefined',
      ),
    );
  });
});

describe('THROTTLE_BACKEND', () => {
  it('is overridden by a backend of the test', async () => {
    const clock = new ManualClock(0);
    const backend = new MemoryBackend({ clock });
    const builder = Test.createTestingModule({ imports: [appModule(ThrottleModule.forRoot(options))] })
      .overrideProvider(THROTTLE_BACKEND)
      .useValue(backend);
    await using app = await run(builder);
    expect(await app.http.statuses('/reports', 3)).toEqual([200, 200, 429]);
    expect(backend.size).toBe(1);
  });

  it('is the configured backend, without the layers over it', async () => {
    const backend = new MemoryBackend();
    for (const given of [backend, () => backend, async () => backend]) {
      const moduleRef = await Test.createTestingModule({
        imports: [ThrottleModule.forRoot({ backend: given })],
      }).compile();
      expect(moduleRef.get(THROTTLE_BACKEND)).toBe(backend);
      await moduleRef.close();
    }
  });

  it('stops startup if it is overridden by anything else', async () => {
    const builder = Test.createTestingModule({ imports: [ThrottleModule.forRoot()] })
      .overrideProvider(THROTTLE_BACKEND)
      .useValue({});
    await expect(builder.compile()).rejects.toThrow(
      'THROTTLE_BACKEND: expected a backend, with spend, peek, settle and reset, such as new MemoryBackend(), got an object with no members',
    );
  });
});
