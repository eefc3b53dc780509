import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Throttle, ThrottleService } from '../../src/index.js';
import type { TestApp } from './http-app.js';
import { until } from './wait-until.js';

const strategy = 'leaky-bucket';

/** Handlers that record when they ran; the leaky ones run one call per second, and delay up to four. */
export function heldController() {
  const runs: string[] = [];

  @Controller()
  class HeldController {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @Throttle('60/min', { strategy, burst: 5 })
    @Get('guarded/:name')
    guarded(@Param('name') name: string): string {
      runs.push(name);
      return name;
    }

    @Throttle('60/min', { strategy, burst: 5, manual: true })
    @Get('hit/:name')
    async hit(@Param('name') name: string): Promise<unknown> {
      const { decisions } = await this.throttle.hit();
      runs.push(name);
      return { delayMs: decisions[0]?.delayMs };
    }

    @Throttle('60/min', { strategy, burst: 5, manual: true })
    @Get('consume/:name')
    async consume(@Param('name') name: string): Promise<unknown> {
      const { allowed, decisions } = await this.throttle.consume();
      runs.push(name);
      return { allowed, delayMs: decisions[0]?.delayMs };
    }

    @Throttle('60/min', { name: 'slow', strategy, burst: 5 })
    @Throttle('120/min', { name: 'fast', strategy, burst: 5 })
    @Get('both/:name')
    both(@Param('name') name: string): string {
      runs.push(name);
      return name;
    }
  }
  return { runs, controllers: [HeldController] };
}

/** Sends requests one after another, each when the previous one is delayed; the first is not delayed. */
export async function sendInOrder(app: TestApp, paths: readonly string[]): Promise<Promise<number>[]> {
  const sent: Promise<number>[] = [];
  for (const path of paths) {
    const answer = app.send(path).then(({ status }) => status);
    sent.push(answer);
    if (sent.length === 1) await answer;
    else await until(() => app.clock.waiting === sent.length - 1);
  }
  return sent;
}
