import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle, ThrottleService } from '../../../../src/index.js';
import {
  startSockets,
  type TestSocket,
  type TestSockets,
  type Transport,
  transports,
} from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { SlowBackend } from '../connections/handshake-client.js';

// Jest fails a test during which a rejection is unhandled or an exception uncaught.

const limit = { rate: '2/min', strategy: 'fixed-window' };

/** An application whose decisions wait, and what it tells. */
async function waiting(transport: Transport, where: 'messages' | 'frames') {
  const handled: string[] = [];

  @WebSocketGateway()
  class SayGateway {
    @SubscribeMessage('say')
    say(@MessageBody() data: string): unknown {
      handled.push(data);
      return { event: 'said', data };
    }
  }
  if (where === 'messages') Throttle(limit)(SayGateway);
  const backend = new SlowBackend(false);
  backend.isSlow = true;
  const errors: string[] = [];
  const sockets = await startSockets({
    transport,
    gateways: [SayGateway],
    options: { backend, sockets: where === 'frames' ? { frames: limit } : {} },
    errors,
  });
  const denied: unknown[] = [];
  sockets.app.get(ThrottleService).events$.subscribe((event) => {
    if (event.type === 'denied') denied.push(event.outcome.binding?.policy);
  });
  return { sockets, backend, handled, denied, errors };
}

/** A client of which three messages wait for their decision; the last will be denied. */
async function threeOf(name: string, sockets: TestSockets, backend: SlowBackend): Promise<TestSocket> {
  const socket = await sockets.connect();
  const before = backend.waiting;
  for (const i of [1, 2, 3]) socket.send('say', `${name}${i}`);
  await until(() => backend.waiting === before + 3);
  return socket;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await setImmediate();
}

describe.each(transports)('on %s', (transport) => {
  describe.each(['messages', 'frames'] as const)('%s that await their decision', (where) => {
    const policy = where === 'frames' ? 'frames' : 'default';
    // To Nest a close of ws comes behind the frames before it. Otherwise it, or socket.io, drops what is let through after it.
    const late = transport === 'ws' && where === 'frames' ? ['one1', 'one2'] : [];

    it.each(['close', 'drop'] as const)(
      'cause no error when they are decided after the client has gone (%s)',
      async (leave) => {
        const { sockets, backend, handled, denied, errors } = await waiting(transport, where);
        await using _ = sockets;
        const one = await threeOf('one', sockets, backend);
        const other = await threeOf('other', sockets, backend);
        await one[leave]();
        await turns();
        expect(backend.waiting).toBe(6);
        backend.release();
        const told = [await other.next(), await other.next(), await other.next()];
        await turns();
        expect(told.map(({ event }) => event).toSorted()).toEqual(['rate_limit', 'said', 'said']);
        expect(denied).toEqual([policy, policy]);
        expect(handled.toSorted()).toEqual([...late, 'other1', 'other2']);
        expect(errors).toEqual([]);
      },
    );

    it('cause no error when they are decided after the application began to close', async () => {
      const { sockets, backend, handled, errors } = await waiting(transport, where);
      await using _ = sockets;
      await threeOf('one', sockets, backend);
      const closed = sockets.app.close();
      await turns();
      backend.release();
      await closed;
      await turns();
      expect(handled).toEqual(late);
      expect(errors).toEqual([]);
    });
  });
});
