import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Query } from '@nestjs/common';
import {
  by,
  CallSignal,
  Concurrency,
  type HoldStore,
  ManualClock,
  MemoryBackend,
  systemClock,
} from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { startInterval } from '../../../src/service/calls/permits/interval.js';
import { startApp, type TestApp } from '../../support/http-app.js';
import { START } from '../../support/start-time.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';

/** Counts the permits in each call that extends some. */
class BeatenBackend extends MemoryBackend {
  readonly beats: number[] = [];

  constructor(readonly manual = new ManualClock(START)) {
    super({ clock: manual });
    const { holds, beats } = this;
    const extend = holds.extend.bind(holds);
    Object.defineProperty(holds, 'extend', {
      value: (...args: Parameters<HoldStore['extend']>) => {
        beats.push(args[0].length);
        return extend(...args);
      },
    });
  }
}

describe('the heartbeat of permits', () => {
  let gate: Gate;
  let app: TestApp;
  let backend: BeatenBackend;
  let signals: AbortSignal[];

  beforeEach(async () => {
    gate = new Gate();
    backend = new BeatenBackend();
    signals = [];

    @Controller()
    class WorkController {
      @Concurrency(2, { by: by.all() })
      @Get('jobs')
      async work(@Query('name') name: string, @CallSignal() signal: AbortSignal): Promise<string> {
        signals.push(signal);
        await gate.wait(name);
        return name;
      }

      @Concurrency({ limit: 1, ttlMs: 1000 }, { by: by.all() })
      @Get('short')
      async short(): Promise<void> {
        await gate.wait('short');
      }
    }
    app = await startApp({ adapter: 'express', controllers: [WorkController], options: { backend } });
  });
  afterEach(() => app.app.close());

  const start = (name: string) => {
    const answer = { status: undefined as number | undefined };
    void app.send(`/jobs?name=${name}`).then(({ status }) => {
      answer.status = status;
    });
    return answer;
  };
  const beat = async (ms: number) => {
    const { length } = backend.beats;
    backend.manual.advance(ms);
    await until(() => backend.beats.length > length);
  };

  it('extends all permits of the process in one call, as long as their handlers run', async () => {
    const a = start('a');
    const b = start('b');
    await until(() => gate.begun.length === 2);
    // Twice the 30 seconds after which permits expire.
    for (let i = 0; i < 6; i++) await beat(10_000);
    expect(backend.beats).toEqual([2, 2, 2, 2, 2, 2]);
    expect((await app.send('/jobs?name=c')).status).toBe(429);
    gate.open('a');
    gate.open('b');
    await until(() => a.status === 200 && b.status === 200);
    await until(() => app.app.get(CallLimiter).permits.size === 0);
    // No timer is left.
    expect(backend.manual.waiting).toBe(0);
  });

  it('is as frequent as needed for the shortest time to live', async () => {
    start('a');
    await until(() => gate.begun.includes('a'));
    void app.send('/short');
    await until(() => gate.begun.includes('short'));
    await beat(333);
    // One call for each time to live.
    expect(backend.beats).toEqual([1, 1]);
    for (const name of ['a', 'short']) gate.open(name);
    await until(() => app.app.get(CallLimiter).permits.size === 0);
  });

  it('aborts the signal of a call whose permit was lost, and frees no permit of another call instead', async () => {
    start('a');
    start('b');
    await until(() => gate.begun.length === 2);
    // The process was stalled for longer than its permits last.
    backend.manual.advance(30_000);
    await until(() => signals.every(({ aborted }) => aborted));
    expect(String(signals[0]?.reason)).toContain('A permit of the policy "concurrency" was lost');
    expect(app.app.get(CallLimiter).permits.size).toBe(0);
    start('c');
    start('d');
    await until(() => gate.begun.length === 4);
    gate.open('a');
    gate.open('b');
    await until(() => gate.ended.length === 2);
    expect((await app.send('/jobs?name=e')).status).toBe(429);
    gate.open('c');
    gate.open('d');
    await until(() => app.app.get(CallLimiter).permits.size === 0);
  });
});

describe('startInterval', () => {
  it('does not keep the process alive', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const stop = startInterval(systemClock, 60_000, () => {});
    expect(timers()).toBe(before);
    stop();
  });

  it('runs a task at an interval of a clock, until it is stopped', async () => {
    const clock = new ManualClock(0);
    let runs = 0;
    const stop = startInterval(clock, 10, () => {
      runs += 1;
    });
    clock.advance(9);
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    await until(() => runs === 1 && clock.waiting === 1);
    clock.advance(10);
    await until(() => runs === 2 && clock.waiting === 1);
    stop();
    expect(clock.waiting).toBe(0);
  });
});
