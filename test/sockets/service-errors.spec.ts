import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { ThrottleService } from '../../src/index.js';
import { startSockets, transports } from '../support/sockets.js';

describe.each(transports)('the service on %s', (transport) => {
  it('says what is missing where no handler is known', async () => {
    const messages: unknown[] = [];

    @WebSocketGateway()
    class LostGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async handleConnection(client: object) {
        messages.push(await this.throttle.hit(1, { on: client }).catch((error: Error) => error.message));
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LostGateway] });
    await (await sockets.connect()).settled();
    expect(messages).toEqual([
      "hit() without a policy is about the handler's own limits, and there is no handler here that ThrottleGuard or ThrottleInterceptor has seen. " +
        'Name a policy, hit("name"), or pass { on: context }.',
    ]);
  });
});
