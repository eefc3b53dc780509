import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { MemoryBackend, type Policy, Throttle, ThrottleModule, type ThrottleModuleOptions } from '../../src/index.js';
import { startSockets } from '../support/gateway-app.js';
import { startApp } from '../support/http-app.js';
import { speaking } from '../transports/sockets/chat-gateway.js';

const strategy = 'fixed-window';

/** A backend that records the policies that are announced to it at startup. */
class ListeningBackend extends MemoryBackend {
  readonly told: string[][] = [];

  override announce(policies: readonly Policy[]): void {
    this.told.push(policies.map(({ id }) => id).toSorted());
    super.announce(policies);
  }
}

@Controller('reports')
class ReportsController {
  @Throttle({ rate: '5/min', strategy })
  @Get()
  list(): string {
    return 'list';
  }

  @Throttle('mail')
  @Throttle({ rate: () => '5/min', name: 'dynamic', strategy })
  @Get('mail')
  mail(): string {
    return 'mail';
  }
}

const options: ThrottleModuleOptions = {
  default: { rate: '100/min', strategy },
  requests: { rate: '1000/min', strategy },
  policies: {
    mail: { rate: '5/min', strategy },
    each: { rate: '5/min', strategy, scope: 'handler' },
    grouped: { rate: '5/min; 50/hour', strategy, scope: { group: 'a' } },
  },
  plans: { of: () => 'free', default: 'free', tiers: { free: { mail: '9/hour' } } },
};

describe('the policies that are announced to a backend at startup', () => {
  it('are those of all handlers and of the module, under every plan; budgets per handler only for real handlers', async () => {
    const backend = new ListeningBackend();
    const feature = ThrottleModule.forFeature({ policies: { extra: { rate: '5/min', strategy } } });
    await using _ = await startApp({
      adapter: 'express',
      controllers: [ReportsController],
      imports: [feature],
      options: { ...options, backend },
    });
    expect(backend.told).toEqual([
      [
        'default@app:f60000',
        'default@handler:GET /reports:f60000',
        'extra@app:f60000',
        'grouped-1h@group:a:f3600000',
        'grouped-1m@group:a:f60000',
        'mail@app:f3600000',
        'mail@app:f60000',
        'requests@handler:app:f60000',
      ],
    ]);
  });

  it('include those of sockets', async () => {
    const backend = new ListeningBackend();
    const sockets = { connections: { rate: '5/min', strategy }, frames: { rate: '50/min', strategy } };
    await using _ = await startSockets({ transport: 'ws', gateways: speaking(), options: { backend, sockets } });
    expect(backend.told).toHaveLength(1);
    expect(backend.told[0]?.map((id) => id.split('@')[0])).toEqual(['connections', 'default', 'frames']);
  });
});
