import { describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { type Call, type PolicyOptions, Throttle, type ThrottleEvent, ThrottleService } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';

const strategy = 'fixed-window';

@Injectable()
class PlanGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; plan?: string }>();
    const { 'x-plan': plan } = request.headers;
    if (plan !== undefined) request.plan = plan;
    return true;
  }
}

@UseGuards(PlanGuard)
@Controller()
class ApiController {
  @Throttle('api')
  @Get('api')
  api(): string {
    return 'api';
  }
}

const planIn = ({ request }: Call) => (typeof request?.plan === 'string' ? request.plan : undefined);
const as = (plan: string) => ({ headers: { 'x-plan': plan } });
const tiers = { free: { api: '2/h' }, pro: { api: '4/h' }, enterprise: { api: 'unlimited' } } as const;

describe.each(adapters)('the mode of a policy under plans, on %s', (adapter) => {
  const start = (mode: PolicyOptions['mode']) =>
    startApp({
      adapter,
      controllers: [ApiController],
      options: {
        policies: { api: { rate: '1/h', strategy, ...(mode !== undefined && { mode }) } },
        plans: { of: planIn, default: 'free', tiers },
      },
    });

  it('is called after all guards if the plan is not known before', async () => {
    const asked: unknown[] = [];
    await using app = await start((call) => {
      asked.push(planIn(call));
      return planIn(call) === undefined ? 'off' : 'on';
    });
    expect(await app.statuses('/api', 5, as('pro'))).toEqual([200, 200, 200, 200, 429]);
    expect(asked.filter((plan) => plan === 'pro')).toHaveLength(5);
    expect(await app.statuses('/api', 5)).toEqual([200, 200, 200, 200, 200]);
  });

  it('may be monitor: the rate is that of the plan, and denies no call', async () => {
    await using app = await start('monitor');
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    expect(await app.statuses('/api', 6, as('pro'))).toEqual(new Array(6).fill(200));
    expect(events.map(({ type }) => type)).toEqual(['violation', 'violation']);
    expect(events[0]).toMatchObject({ violations: [{ decision: { policy: 'api', limit: 4, mode: 'monitor' } }] });
    expect(await app.statuses('/api', 6, as('enterprise'))).toEqual(new Array(6).fill(200));
    expect(events).toHaveLength(2);
  });
});

describe('an unlimited plan', () => {
  it.each(['on', 'monitor'] as const)('is decided as unlimited in the mode %s', async (mode) => {
    await using context = await startContext({
      policies: { api: { rate: '1/h', strategy, mode } },
      plans: { of: () => 'enterprise', default: 'free', tiers },
    });
    const { decisions, binding } = await context.throttle.consume('api', 5, { subject: 'user:1' });
    expect([decisions, binding]).toEqual([[expect.objectContaining({ policy: 'api', unlimited: true })], null]);
  });

  it('decides nothing in the mode off', async () => {
    await using context = await startContext({
      policies: { api: { rate: '1/h', strategy, mode: 'off' } },
      plans: { of: () => 'enterprise', default: 'free', tiers },
    });
    expect((await context.throttle.consume('api', 5, { subject: 'user:1' })).decisions).toEqual([]);
  });
});
