import { describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpException, Inject, Query } from '@nestjs/common';
import {
  type BudgetHold,
  by,
  subjectOf,
  ThrottleConfigError,
  type ThrottleModuleOptions,
  ThrottleService,
  TokenBudget,
} from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';

const policies = { llm: { budget: '500/min', by: by.header('x-user') } } as const;
const ada = { subject: subjectOf.header('x-user', 'ada') };

@Controller()
class Completions {
  constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}

  @Get('settled')
  async settled(@TokenBudget({ budget: 'llm', estimate: 300 }) hold: BudgetHold, @Query('use') use: string) {
    await hold.settle(Number(use));
    return `${hold.units}`;
  }

  @Get('left')
  left(@TokenBudget({ budget: 'llm', estimate: ({ request }) => Number(request?.url?.split('=')[1]) }) _: BudgetHold) {
    return 'left open';
  }

  @Get('failing')
  failing(@TokenBudget({ budget: 'llm', estimate: 300 }) _: BudgetHold) {
    throw new HttpException('broken', 502);
  }
}

describe.each(adapters)('@TokenBudget on %s', (adapter) => {
  const start = async () => {
    const prepare = (app: { useGlobalPipes(pipe: object): unknown }) =>
      app.useGlobalPipes({ transform: (value: unknown) => value });
    const app = await startApp({ adapter, controllers: [Completions], options: { policies }, prepare });
    const { throttle } = app.app.get(Completions);
    const get = (path: string) => app.send(path, { headers: { 'x-user': 'ada' } });
    const left = async () => (await throttle.budget('llm').stat(ada))?.remaining;
    return { get, left, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
  };

  it('passes the hold to the handler, which settles it', async () => {
    await using app = await start();
    expect(await app.get('/settled?use=120')).toMatchObject({ status: 200, text: '300' });
    expect(await app.left()).toBe(380);
    expect((await app.get('/settled?use=200')).status).toBe(200);
    const denied = await app.get('/settled?use=1');
    expect(denied).toMatchObject({ status: 429, body: { policy: 'llm', reason: 'budget' } });
    expect(await app.left()).toBe(180);
  });

  it('charges all units of a hold that the handler leaves open, and cancels it if the call failed', async () => {
    await using app = await start();
    expect((await app.get('/left?units=70')).status).toBe(200);
    await until(async () => (await app.left()) === 430);
    expect((await app.get('/failing')).status).toBe(502);
    await until(async () => (await app.left()) === 430);
    expect((await app.get('/settled?use=430')).status).toBe(200);
    expect(await app.left()).toBe(0);
  });
});

describe('@TokenBudget', () => {
  it.each<readonly [options: unknown, message: string]>([
    [undefined, '@TokenBudget on LlmController.complete: expected options { budget, estimate }'],
    [{ estimate: 1 }, '@TokenBudget on LlmController.complete, budget: expected the name of a token budget'],
    [
      { budget: 'llm' },
      '@TokenBudget on LlmController.complete, estimate: expected a whole number of units, at least 1',
    ],
    [
      { budget: 'llm', estimate: 0 },
      '@TokenBudget on LlmController.complete, estimate: expected a whole number of units, at least 1',
    ],
    [{ budget: 'llm', estimate: 1, by: 1 }, '@TokenBudget on LlmController.complete: there is no option "by"'],
  ])('refuses %j', (options, message) => {
    class LlmController {}
    const decorate = () => Reflect.apply(TokenBudget, undefined, [options])(LlmController.prototype, 'complete', 0);
    expect(decorate).toThrow(ThrottleConfigError);
    expect(decorate).toThrow(message);
  });

  it('with an unknown budget stops startup, with the known names', async () => {
    class Base {
      @Get('written')
      write(@TokenBudget({ budget: 'lm', estimate: 1 }) _: BudgetHold) {}
    }

    @Controller()
    class Writer extends Base {}

    const error = '@TokenBudget on Writer.write: no token budget has this name. Did you mean "llm"? Known: llm.';
    const boot = (names: NonNullable<ThrottleModuleOptions['policies']>) =>
      startupError(() => ({ controllers: [Writer], options: { policies: names } }));
    expect(await boot(policies)).toContain(error);
    // A rate is no budget.
    expect(await boot({ lm: '10/min' })).toContain('no token budget has this name. None are known.');
    expect(await boot({ lm: { budget: '10/min' } })).toBeNull();
  });
});
