import { describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { SlowBackend } from '../connections/handshake-client.js';

const limit = { rate: '2/min', strategy: 'fixed-window' };
const CLOSE_AFTER = 3;
const MAX_PENDING = 2;

/** A gateway on a backend whose decisions wait, as frames or as messages. */
async function slow(transport: 'ws' | 'io', where: 'messages' | 'frames') {
  const handled: string[] = [];

  @WebSocketGateway()
  class SayGateway {
    @SubscribeMessage('say')
    say(): void {
      handled.push('say');
    }
  }
  if (where === 'messages') Throttle(limit)(SayGateway);
  const backend = new SlowBackend(false);
  const options = {
    backend,
    sockets: {
      ...(where === 'frames' && { frames: limit }),
      closeAfter: CLOSE_AFTER,
      maxPending: MAX_PENDING,
      noticeEveryMs: 0,
    },
  };
  const sockets = await startSockets({ transport, gateways: [SayGateway], options });
  return { sockets, backend, handled };
}

describe.each(transports)('closeAfter on %s while the backend is slow', (transport) => {
  describe.each(['messages', 'frames'] as const)('for %s', (where) => {
    it('does not count messages that were denied because too many await their decision', async () => {
      const { sockets, backend, handled } = await slow(transport, where);
      await using _ = sockets;
      const socket = await sockets.connect();
      backend.isSlow = true;
      for (let i = 0; i < MAX_PENDING + 5 * CLOSE_AFTER; i++) socket.send('say');
      for (let i = 0; i < 5 * CLOSE_AFTER; i++) {
        expect((await socket.next()).data).toMatchObject({ policy: 'pending' });
      }
      expect(socket.isOpen).toBe(true);
      backend.release();
      await until(() => handled.length === MAX_PENDING);
      expect(socket.isOpen).toBe(true);
    });

    it('counts the messages around them in a row', async () => {
      const { sockets, backend } = await slow(transport, where);
      await using _ = sockets;
      const socket = await sockets.connect();
      socket.send('say');
      socket.send('say');
      await until(() => backend.asked === 2);
      // Two that will be denied, a third that is not decided, and a fourth that ends the row.
      for (const count of [2, 1]) {
        backend.isSlow = true;
        for (let i = 0; i < count; i++) socket.send('say');
        await until(() => backend.waiting === count);
        if (count === MAX_PENDING) {
          socket.send('say');
          expect((await socket.next()).data).toMatchObject({ policy: 'pending' });
          expect(socket.isOpen).toBe(true);
        }
        backend.release();
        backend.isSlow = false;
        for (let i = 0; i < count; i++) {
          const policy = where === 'frames' ? 'frames' : 'default';
          expect(await socket.next()).toEqual({ event: 'rate_limit', data: limited({ policy }) });
        }
      }
      await socket.closed;
      expect(socket.isOpen).toBe(false);
    });
  });
});
