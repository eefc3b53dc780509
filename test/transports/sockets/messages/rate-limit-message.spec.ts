import { describe, expect, it } from '@jest/globals';
import { ForbiddenException } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { type Call, type MoreOptions, type Outcome, Throttle } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';

const strategy = 'fixed-window';

/** A gateway whose handler is denied from the second message on. */
function gatewayWith(more: MoreOptions) {
  @WebSocketGateway()
  class ChatGateway {
    @Throttle('1/min', { strategy, ...more })
    @SubscribeMessage('say')
    say() {}
  }
  return ChatGateway;
}

describe.each(transports)('the message of a denied call on %s', (transport) => {
  /** All that a client is sent for two messages, the second of which is denied. */
  const sent = async (more: MoreOptions, errors: string[] = []) => {
    await using sockets = await startSockets({ transport, gateways: [gatewayWith(more)], errors });
    const socket = await sockets.connect();
    socket.send('say', 'one');
    socket.send('say', 'two');
    await socket.settled();
    return socket.received;
  };
  const payload = (more: object) => [{ event: 'rate_limit', data: limited({ limit: 1, ...more }) }];

  it('has the message of the policy: a string', async () => {
    expect(await sent({ message: 'Slow down.' })).toEqual(payload({ error: 'Slow down.' }));
  });

  it.each([
    ['a text', (call: Call, { binding }: Outcome) => `${call.message}: ${binding?.policy}`, 'two: default'],
    ['an object', () => ({ code: 7 }), { code: 7 }],
    ['a promise', async () => 'later', 'later'],
  ])('has the result of a message function: %s', async (_, message, error) => {
    expect(await sent({ message })).toEqual(payload({ error }));
  });

  it('has the members of extras', async () => {
    expect(await sent({ context: { extras: { room: 'a', seats: [1] } } })).toEqual(payload({ room: 'a', seats: [1] }));
  });

  it('keeps its own members and its event, regardless of extras', async () => {
    const extras = {
      type: 'ok',
      error: null,
      retry_after: 0,
      policy: 'x',
      limit: 9,
      remaining: 9,
      event: 'said',
      toJSON: () => ({ event: 'said', data: 'welcome' }),
      ['__proto__']: { event: 'said' },
      data: 'kept',
    };
    expect(await sent({ context: { extras } })).toEqual(payload({ data: 'kept' }));
  });

  it('reports extras that are not an object, and lets nothing through', async () => {
    const errors: string[] = [];
    const received = await sent({ context: { extras: 'room a' } }, errors);
    expect(received.map(({ event }) => event)).not.toContain('rate_limit');
    expect(errors).toEqual(['context.extras: expected an object of members for the message, got "room a"']);
  });

  it('is sent after onDenied was called with the call and its outcome', async () => {
    const told: unknown[] = [];
    const onDenied = ({ type, message, handler, controller, client }: Call, { binding }: Outcome) => {
      told.push([type, message, handler?.name, controller?.name, typeof client, binding?.retryAfterMs]);
    };
    expect(await sent({ onDenied })).toEqual(payload({}));
    expect(told).toEqual([['ws', 'two', 'say', 'ChatGateway', 'object', 60_000]]);
  });

  it('is replaced by an exception of onDenied, which is not logged as an error', async () => {
    const errors: string[] = [];
    const onDenied = () => {
      throw transport === 'ws' ? new ForbiddenException('no') : new WsException({ code: 'slow' });
    };
    const received = await sent({ onDenied }, errors);
    expect(received.map(({ event }) => event)).not.toContain('rate_limit');
    if (transport === 'io') expect(received).toEqual([{ event: 'exception', data: { code: 'slow' } }]);
    expect(errors).toEqual([]);
  });

  it('is not sent for an invalid cost, which is logged and lets nothing through', async () => {
    const errors: string[] = [];
    const handled: unknown[] = [];

    @WebSocketGateway()
    class BrokenGateway {
      @Throttle('9/min', { cost: () => Number.NaN })
      @SubscribeMessage('say')
      say() {
        handled.push('said');
      }
    }
    await using sockets = await startSockets({ transport, gateways: [BrokenGateway], errors });
    const socket = await sockets.connect();
    socket.send('say');
    await socket.settled();
    expect(handled).toEqual([]);
    expect(errors).toEqual([
      '@Throttle on BrokenGateway.say, cost: expected a cost that is a safe integer of at least 0, got NaN',
    ]);
  });
});
