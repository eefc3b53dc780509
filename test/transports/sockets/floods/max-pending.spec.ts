import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle, type ThrottleModuleOptions } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import {
  startSockets,
  type TestSocket,
  type TestSockets,
  type Transport,
  transports,
} from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { SlowBackend } from '../connections/handshake-client.js';

const MAX = 32;
const limit = { rate: '1000/min', strategy: 'fixed-window' };
const pending = limited({ retry_after: 1, policy: 'pending', limit: MAX });
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A gateway whose messages wait for a slow decision, as frames or as messages. */
function waiting(where: 'messages' | 'frames') {
  const handled: unknown[] = [];

  @WebSocketGateway()
  class SayGateway {
    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): unknown {
      handled.push(data);
      return { event: 'said', data };
    }

    @SubscribeMessage('ask')
    ask(@MessageBody() data: unknown): unknown {
      handled.push(data);
      return { answer: data };
    }
  }
  const backend = new SlowBackend(false);
  backend.isSlow = true;
  const start = async (transport: Transport, sockets: ThrottleModuleOptions['sockets'] = {}): Promise<TestSockets> => {
    if (where === 'messages') Throttle(limit)(SayGateway);
    const options = { backend, sockets: { ...(where === 'frames' && { frames: limit }), ...sockets } };
    return startSockets({ transport, gateways: [SayGateway], options });
  };
  return { handled, backend, start };
}

function send(socket: TestSocket, from: number, to: number): void {
  for (const number of numbers(from, to)) socket.send('say', number);
}

describe.each(transports)('messages on %s that await their decision', (transport) => {
  describe.each(['messages', 'frames'] as const)('as %s', (where) => {
    it('are at most 32 per connection: further ones are denied at once', async () => {
      const { handled, backend, start } = waiting(where);
      await using sockets = await start(transport, { noticeEveryMs: 0 });
      const socket = await sockets.connect();
      send(socket, 1, MAX + 100);
      for (let i = 0; i < 100; i++) expect(await socket.next()).toEqual({ event: 'rate_limit', data: pending });
      expect(backend.waiting).toBe(MAX);
      expect(handled).toEqual([]);
      backend.release();
      await until(() => handled.length >= MAX);
      expect(handled).toEqual(numbers(1, MAX));
    });

    it('do not affect other connections', async () => {
      const { handled, backend, start } = waiting(where);
      await using sockets = await start(transport);
      const [one, other] = [await sockets.connect(), await sockets.connect()];
      send(one, 1, MAX + 1);
      expect(await one.next()).toEqual({ event: 'rate_limit', data: pending });
      send(other, 1, 1);
      await until(() => backend.waiting === MAX + 1);
      backend.release();
      await until(() => handled.length > MAX);
      expect(await other.next()).toEqual({ event: 'said', data: 1 });
      expect(other.received).toHaveLength(1);
    });

    it('make room once they are decided', async () => {
      const { handled, backend, start } = waiting(where);
      await using sockets = await start(transport);
      const socket = await sockets.connect();
      for (const round of [0, 1, 2]) {
        const first = round * (MAX + 1) + 1;
        send(socket, first, first + MAX);
        expect(await socket.next()).toEqual({ event: 'rate_limit', data: pending });
        backend.release();
        for (const data of numbers(first, first + MAX - 1))
          expect(await socket.next()).toEqual({ event: 'said', data });
        backend.clock.advance(1000);
      }
      expect(handled).toHaveLength(3 * MAX);
    });

    it('are at most `maxPending`', async () => {
      const { handled, backend, start } = waiting(where);
      await using sockets = await start(transport, { maxPending: 1, noticeEveryMs: 0 });
      const socket = await sockets.connect();
      send(socket, 1, 3);
      const denied = { event: 'rate_limit', data: { ...pending, limit: 1 } };
      expect([await socket.next(), await socket.next()]).toEqual([denied, denied]);
      backend.release();
      expect(await socket.next()).toEqual({ event: 'said', data: 1 });
      expect(handled).toEqual([1]);
    });
  });
});

describe.each(['messages', 'frames'] as const)('acknowledgements on io, as %s', (where) => {
  it('are sent at once beyond the 32 that await their decision, and for these after it', async () => {
    const { backend, start } = waiting(where);
    await using sockets = await start('io');
    const socket = await sockets.connect();
    const answers = numbers(1, MAX + 100).map((number) => socket.ask('ask', number));
    expect(await Promise.all(answers.slice(MAX))).toEqual(Array.from({ length: 100 }, () => pending));
    expect(backend.waiting).toBe(MAX);
    backend.release();
    expect(await Promise.all(answers.slice(0, MAX))).toEqual(numbers(1, MAX).map((answer) => ({ answer })));
    expect(socket.received).toEqual([{ event: 'rate_limit', data: pending }]);
  });
});
