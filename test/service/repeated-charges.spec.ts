import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  Inject,
  UnauthorizedException,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { type Call, definePolicy, subjectOf, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

const strategy = 'fixed-window';

@Controller()
class ManyController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Get('many')
  async many() {
    for (let i = 0; i < 500; i++) await this.throttle.hit('mail', 1 + (i % 3), { subject: `user:${i}` });
  }

  @Get('two')
  async two() {
    await this.throttle.hit(definePolicy('mail', { rate: '9/hour', strategy }));
  }

  @Throttle({
    rate: ({ request }: Call) => (request?.headers['x-plan'] === 'pro' ? '3/hour' : '2/min'),
    strategy,
    name: 'plan',
  })
  @Get('plan')
  plan() {}

  @Throttle({ name: 'account', rate: '10/min', by: nobody })
  @Throttle({ name: 'size', rate: '10/min', cost: sizeOf })
  @Get('wrong')
  wrong() {}
}

async function nobody(): Promise<string> {
  throw new UnauthorizedException();
}

function sizeOf(): number {
  throw new TypeError('no body');
}

@Catch(HttpException)
class OwnFilter implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse();
    response.status(exception.getStatus()).send({ own: exception.getStatus() });
  }
}

describe.each(adapters)('a call on %s', (adapter) => {
  const policies = { mail: { rate: '3/min', strategy } };

  it('reports one state per policy, the strictest one of all charged subjects', async () => {
    await using app = await startApp({ adapter, controllers: [ManyController], options: { policies } });
    const { status, headers } = await app.send('/many');
    expect([status, headers.ratelimit]).toEqual([200, '"mail";r=0;t=60']);
  });

  it('is charged to a separate budget by a policy of another period with the name of one of the module', async () => {
    await using app = await startApp({ adapter, controllers: [ManyController], options: { policies } });
    const { status, headers } = await app.send('/two');
    expect([status, headers.ratelimit]).toEqual([200, '"mail";r=8;t=3600']);
    const mail = await app.app.get(ThrottleService).stat('mail', { subject: subjectOf.ip('127.0.0.1') });
    expect(mail).toMatchObject({ policy: 'mail', limit: 3, remaining: 3 });
  });

  it('is limited under a rate that changes its period from call to call', async () => {
    await using app = await startApp({ adapter, controllers: [ManyController], options: { policies } });
    const pro = { headers: { 'x-plan': 'pro' } };
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await app.send('/plan')).status, (await app.send('/plan', pro)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429, 200, 429, 429]);
  });

  it('gets a response, and the process goes on, if one function rejects and the next one throws', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      await using app = await startApp({ adapter, controllers: [ManyController], options: { policies } });
      expect([401, 500]).toContain((await app.send('/wrong')).status);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it("is denied through the application's own filter", async () => {
    const providers = [{ provide: APP_FILTER, useClass: OwnFilter }];
    const options = { policies, default: { rate: '1/min', strategy } };
    await using app = await startApp({ adapter, controllers: [ManyController], providers, options });
    await app.send('/plan');
    const { status, headers, body } = await app.send('/plan');
    expect([status, headers['retry-after'], body]).toEqual([429, '60', { own: 429 }]);
  });
});
