import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { MemoryBackend } from 'nestjs-sluice';
import { backendContract, disableThrottle, ManualClock, throttleMatchers, useManualClock } from 'nestjs-sluice/testing';
import { AppModule } from '../src/app.module.js';
import { BROKEN_BACKENDS } from './contract/broken-backends.js';
import { failuresOf } from './contract/failures.js';

expect.extend(throttleMatchers);

const application = () => Test.createTestingModule({ imports: [AppModule] });

describe('nestjs-sluice/testing', () => {
  let app: INestApplication | undefined;

  async function listen(builder: ReturnType<typeof application>): Promise<string> {
    app = (await builder.compile()).createNestApplication();
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  async function statuses(url: string, count: number): Promise<number[]> {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push((await fetch(url)).status);
    return found;
  }

  afterEach(() => app?.close());

  it('moves the clock of an application', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const url = await listen(useManualClock(application(), clock));
    expect(await statuses(url, 3)).toEqual([200, 200, 429]);
    clock.advance(120_000);
    expect(await statuses(url, 1)).toEqual([200]);
  });

  it('switches the limits of an application off', async () => {
    const url = await listen(disableThrottle(application()));
    expect(await statuses(url, 4)).toEqual([200, 200, 200, 200]);
  });

  it('has matchers for what a response reports', async () => {
    const url = await listen(application());
    expect(throttleMatchers.toHaveRateLimit(await fetch(url), { limit: 2, remaining: 1 }).pass).toBe(true);
    await statuses(url, 1);
    expect(throttleMatchers.toBeThrottled(await fetch(url)).pass).toBe(true);
  });

  for (const { name, run } of backendContract({ create: (clock) => new MemoryBackend({ clock }), effort: 0.005 })) {
    it(name, run);
  }

  for (const { fault, create, breaks } of BROKEN_BACKENDS) {
    it(`finds the fault of a backend that ${fault}`, async () => {
      const failures = await failuresOf(backendContract({ create, effort: 0.005, seed: 1 }));
      for (const promise of breaks) expect(failures.filter((name) => name.includes(promise))).not.toEqual([]);
    });
  }
});
