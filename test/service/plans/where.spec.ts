import { describe, expect, it } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  type PlanOf,
  Throttle,
  ThrottleGuard,
  ThrottleModule,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const planIn: PlanOf = ({ request }) => {
  const plan = request?.headers['x-plan'];
  return typeof plan === 'string' ? plan : undefined;
};
const as = (plan: string) => ({ headers: { 'x-plan': plan } });

@Controller()
class PagesController {
  @Get('page')
  page(): string {
    return 'page';
  }

  @Throttle({ rate: '9/h', strategy })
  @Get('own')
  own(): string {
    return 'own';
  }

  @Throttle('mail', { cost: 2, context: { scope: 'pages' } })
  @Get('mail')
  mail(): string {
    return 'mail';
  }
}

describe.each(adapters)('a plan, on %s', (adapter) => {
  const options: ThrottleModuleOptions = {
    default: { rate: '10/h', strategy },
    plans: {
      of: planIn,
      default: 'free',
      tiers: { free: {}, pro: { default: '70/h', mail: { rate: '30/h', burst: 4 } } },
    },
  };
  const start = (more: Partial<Parameters<typeof startApp>[0]> = {}) =>
    startApp({
      adapter,
      controllers: [PagesController],
      imports: [
        ThrottleModule.forFeature({ policies: { mail: { rate: '10/h', strategy: 'token-bucket', burst: 6 } } }),
      ],
      options,
      ...more,
    });
  const policyOf = async (app: Awaited<ReturnType<typeof start>>, path: string, plan: string) => {
    const { headers } = await app.send(path, as(plan));
    return [headers['ratelimit-policy'], headers.ratelimit];
  };

  it('sets the rate of the default of the module, and not of limits that handlers declare', async () => {
    await using app = await start();
    expect(await policyOf(app, '/page', 'free')).toEqual(['"default";q=10;w=3600', '"default";r=9;t=3600']);
    expect(await policyOf(app, '/page', 'pro')).toEqual(['"default";q=70;w=3600', '"default";r=68;t=3600']);
    expect(await policyOf(app, '/own', 'pro')).toEqual(['"default";q=9;w=3600', '"default";r=8;t=3600']);
  });

  it('sets only the rate and the burst of a policy of forFeature', async () => {
    await using app = await start();
    const mail = async (plan: string) => (await app.send('/mail', as(plan))).headers['ratelimit-policy'];
    expect(await mail('free')).toBe('"default";q=10;w=3600, "mail";q=6;w=2160');
    expect(await mail('pro')).toBe('"default";q=70;w=3600, "mail";q=4;w=480');
    // Two calls at two units each have used up the burst of the plan.
    expect(await app.statuses('/mail', 1, as('pro'))).toEqual([429]);
  });

  it('is decided synchronously if it is found synchronously: canActivate returns a boolean', async () => {
    const returned: unknown[] = [];
    @Injectable()
    class WatchingGuard extends ThrottleGuard {
      override canActivate(context: ExecutionContext) {
        const isAdmitted = super.canActivate(context);
        returned.push(isAdmitted);
        return isAdmitted;
      }
    }
    await using app = await start({
      providers: [{ provide: APP_GUARD, useClass: WatchingGuard }],
      options: { ...options, guard: false },
    });
    for (const plan of ['free', 'pro']) await app.send('/mail', as(plan));
    expect(returned).toEqual([true, true]);
  });
});
