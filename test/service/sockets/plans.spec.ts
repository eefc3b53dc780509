import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type PlanOf, Throttle, ThrottleService } from '../../../src/index.js';
import { startSockets, transports } from '../../support/gateway-app.js';

@WebSocketGateway()
class ChatGateway {
  @Throttle('say')
  @SubscribeMessage('say')
  say(): unknown {
    return { event: 'said', data: 1 };
  }
}

describe.each(transports)('messages under plans, on %s', (transport) => {
  const header: PlanOf = ({ request }) => {
    const plan = request?.headers['x-plan'];
    return typeof plan === 'string' ? plan : undefined;
  };
  let asked = 0;
  const later: PlanOf = async (call) => {
    asked++;
    return header(call);
  };

  it.each([
    ['at once', header],
    ['by a promise', later],
  ] as const)('have the rate of the plan of their connection, found %s', async (_title, of) => {
    asked = 0;
    await using sockets = await startSockets({
      transport,
      gateways: [ChatGateway],
      options: {
        policies: { say: { rate: '1/min', strategy: 'fixed-window' } },
        plans: {
          of,
          default: 'free',
          tiers: { free: { say: '2/min' }, pro: { say: '4/min' }, all: { say: 'unlimited' } },
        },
      },
    });
    const answersTo = async (plan: string | undefined) => {
      const socket = await sockets.connect(plan === undefined ? {} : { headers: { 'x-plan': plan } });
      const events: string[] = [];
      for (let i = 0; i < 5; i++) {
        socket.send('say');
        events.push((await socket.next()).event);
        sockets.clock.advance(1000);
      }
      return events.filter((event) => event === 'said').length;
    };
    expect([await answersTo(undefined), await answersTo('pro'), await answersTo('all')]).toEqual([2, 4, 5]);
    if (of === later) expect(asked).toBe(3);
  });

  it('can be read for a socket', async () => {
    const told: string[] = [];

    @WebSocketGateway()
    class AskingGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async handleConnection(client: object): Promise<void> {
        told.push(await this.throttle.plans.of(client));
      }
    }
    await using sockets = await startSockets({
      transport,
      gateways: [AskingGateway],
      options: { plans: { of: later, default: 'free', tiers: { free: {}, pro: {} } } },
    });
    for (const headers of [{ 'x-plan': 'pro' }, {}]) await (await sockets.connect({ headers })).settled();
    expect(told).toEqual(['pro', 'free']);
  });
});
