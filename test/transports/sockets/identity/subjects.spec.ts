import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, type Call, Throttle } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { passing, speaking } from '../chat-gateway.js';
import { aside } from '../connections/handshake-client.js';

const as = (key: string) => ({ headers: { 'x-api-key': key } });

describe.each(transports)('functions of a message on %s', (transport) => {
  it.each(['at once', 'later'])('get the call, and return %s', async (when) => {
    const clients: unknown[] = [];
    const calls: Readonly<Record<string, Call>>[] = [];
    const told =
      <T>(name: string, answer: T) =>
      (call: Call): T | Promise<T> => {
        calls.push({ [name]: call });
        return when === 'later' ? setImmediate(answer) : answer;
      };

    @WebSocketGateway(aside(transport))
    class ChatGateway {
      handleConnection(client: unknown): void {
        clients.push(client);
      }

      @Throttle({
        rate: told('rate', '1/min'),
        by: told('by', 'somebody'),
        cost: told('cost', 1),
        skip: told('skip', false),
        onDenied: told('onDenied', undefined),
        message: told('message', 'Enough'),
        context: { place: 'here' },
      })
      @SubscribeMessage('say')
      say(@MessageBody() data: unknown): unknown {
        return { event: 'said', data };
      }
    }
    await using sockets = await startSockets({ transport, gateways: [ChatGateway] });
    const socket = await sockets.connect({ ...aside(transport), ...as('a') });
    for (const text of ['one', 'two']) {
      socket.send('say', { text });
      await socket.settled();
    }
    expect(socket.received).toEqual([
      { event: 'said', data: { text: 'one' } },
      { event: 'rate_limit', data: expect.objectContaining({ error: 'Enough' }) },
    ]);
    const order = ['skip', 'rate', 'by', 'cost'];
    expect(calls.flatMap((call) => Object.keys(call))).toEqual([...order, ...order, 'onDenied', 'message']);
    for (const [i, call] of calls.flatMap((one) => Object.values(one)).entries()) {
      const { type, client, request, response, message, handler, controller, execution, address, context } = call;
      expect([type, address, context, response]).toEqual(['ws', '127.0.0.1', { place: 'here' }, undefined]);
      expect(message).toEqual({ text: i < order.length ? 'one' : 'two' });
      expect(request?.headers['x-api-key']).toBe('a');
      expect(client === clients[0]).toBe(true);
      expect([handler, controller]).toEqual([ChatGateway.prototype.say, ChatGateway]);
      expect([execution?.getType(), execution?.getClass()]).toEqual(['ws', ChatGateway]);
    }
  });

  it('give each client the rate of its plan', async () => {
    const rates: Readonly<Record<string, string>> = { free: '1/min', pro: '3/min', staff: 'unlimited' };
    const planOf = ({ request }: Call) => String(request?.headers['x-api-key']);
    for (const rate of [
      (call: Call) => rates[planOf(call)] ?? '2/min',
      async (call: Call) => setImmediate(rates[planOf(call)] ?? '2/min'),
    ]) {
      const gateways = speaking({ rate, by: by.header('x-api-key') });
      await using sockets = await startSockets({ transport, gateways });
      const passed = [];
      for (const plan of ['free', 'pro', 'staff', 'other']) passed.push(await passing(sockets, 5, as(plan)));
      expect(passed).toEqual([1, 3, 5, 2]);
      expect(await passing(sockets, 1, as('pro'))).toBe(0);
    }
  });
});
