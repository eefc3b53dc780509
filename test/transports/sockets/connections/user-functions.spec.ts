import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { by, type Call, EXEMPT, type Outcome, type PolicyOptions, ThrottleService } from '../../../../src/index.js';
import { transports } from '../../../support/gateway-app.js';
import { attempts, perMinute, refusal, startOnly, tooMany } from './handshake-client.js';

@WebSocketGateway()
class ChatGateway {}

const gateways = [ChatGateway];
const one = (more: Partial<PolicyOptions> = {}) => ({ sockets: { connections: { ...perMinute(1), ...more } } });
const as = (name: string) => ({ headers: { 'x-api-key': name } });
const keyOf = ({ request }: Call) => String(request?.headers['x-api-key']);

describe.each(transports)('the subject of a connection on %s', (transport) => {
  it.each([
    ['a header', by.header('x-api-key')],
    ['a function', keyOf],
    ['a function that takes its time', async (call: Call) => setImmediate(keyOf(call))],
    ['the first that is found', by.first(by.user(), by.header('x-api-key'))],
  ])('is found by functions: %s', async (_how, find) => {
    await using sockets = await startOnly({ transport, gateways, options: one({ by: find }) });
    expect(await attempts(sockets, 2, as('ann'))).toEqual(['open', 'limited']);
    expect(await attempts(sockets, 2, as('ben'))).toEqual(['open', 'limited']);
  });

  it('is the address if none is found, and for by.connection()', async () => {
    for (const find of [by.header('x-api-key'), by.user(), by.connection()]) {
      await using sockets = await startOnly({ transport, gateways, options: one({ by: find }) });
      expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    }
  });

  it('may be missing: exempt, skipped, or free', async () => {
    const isAnn = (call: Call) => keyOf(call) === 'ann';
    const all = [
      one({ by: (call) => (isAnn(call) ? EXEMPT : 'all') }),
      one({ by: by.all(), skip: isAnn }),
      one({ by: by.all(), skip: async (call) => setImmediate(isAnn(call)) }),
      { ...one({ by: by.all() }), skip: isAnn },
      one({ by: by.all(), cost: (call) => (isAnn(call) ? 0 : 1) }),
      one({ by: by.all(), rate: (call) => (isAnn(call) ? 'unlimited' : '1/min') }),
    ];
    for (const options of all) {
      await using sockets = await startOnly({ transport, gateways, options });
      expect(await attempts(sockets, 3, as('ann'))).toEqual(['open', 'open', 'open']);
      expect(await attempts(sockets, 2, as('ben'))).toEqual(['open', 'limited']);
      expect(await attempts(sockets, 1, as('ann'))).toEqual(['open']);
    }
  });
});

describe.each(transports)('the cost of a connection on %s', (transport) => {
  it('is a number or a function', async () => {
    const cost = ({ request }: Call) => (request?.headers['x-api-key'] === 'dear' ? 3 : 1);
    for (const costs of [cost, async (call: Call) => setImmediate(cost(call))]) {
      const options = { sockets: { connections: { ...perMinute(4), cost: costs } } };
      await using sockets = await startOnly({ transport, gateways, options });
      expect(await attempts(sockets, 2, as('dear'))).toEqual(['open', 'limited']);
      expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    }
    const options = { sockets: { connections: { ...perMinute(5), cost: 2 } } };
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
  });

  it('depends on a plan if the rate is a function', async () => {
    const rate = async (call: Call) => setImmediate(keyOf(call) === 'pro' ? '3/min' : '1/min');
    const options = one({ rate, by: by.header('x-api-key') });
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 4, as('pro'))).toEqual(['open', 'open', 'open', 'limited']);
    expect(await attempts(sockets, 2, as('free'))).toEqual(['open', 'limited']);
  });
});

describe.each(transports)('the message to a refused client on %s', (transport) => {
  const told = async (options: object) => {
    await using sockets = await startOnly({ transport, gateways, options });
    await sockets.connect(as('ann'));
    const { status, body, message, data } = await refusal(sockets, as('ann'));
    return transport === 'ws' ? { status, body: JSON.parse(body) } : { message, data };
  };
  const texts = (text: string) =>
    transport === 'ws'
      ? {
          status: 429,
          body: {
            statusCode: 429,
            error: 'Too Many Requests',
            message: text,
            policy: 'connections',
            reason: 'rate',
            retryAfter: 60,
          },
        }
      : { message: text, data: tooMany({ error: text }) };

  it('is the message of the limit, or of the module', async () => {
    expect(await told(one({ message: 'Later' }))).toEqual(texts('Later'));
    expect(await told({ ...one(), message: 'Later' })).toEqual(texts('Later'));
    expect(await told({ ...one({ message: 'Much later' }), message: 'Later' })).toEqual(texts('Much later'));
    const message = async (call: Call, { binding }: Outcome) =>
      setImmediate(`${keyOf(call)}: ${call.context.place} ${binding?.retryAfterMs}`);
    expect(await told(one({ message, context: { place: 'here' } }))).toEqual(texts('ann: here 60000'));
  });

  it('may be an object: the body on ws, the error on io', async () => {
    const answer = await told(one({ message: () => ({ code: 7 }) }));
    if (transport === 'ws') expect(answer).toEqual({ status: 429, body: { code: 7 } });
    else expect(answer).toMatchObject({ data: tooMany({ error: { code: 7 } }) });
  });

  it('has members that the context adds on io only', async () => {
    const extras = { room: 'a', list: [1], type: 'other', retry_after: 0, event: 'other' };
    const answer = await told(one({ context: { extras } }));
    if (transport === 'ws') expect(answer).toEqual(texts('Too many requests. Retry in 60 seconds.'));
    else expect(answer).toEqual({ message: 'Too many connections', data: tooMany({ room: 'a', list: [1] }) });
  });
});

describe.each(transports)('the events of connections on %s', (transport) => {
  it('report refused connections and their subjects', async () => {
    await using sockets = await startOnly({ transport, gateways, options: one() });
    const events: unknown[] = [];
    sockets.app.get(ThrottleService).events$.subscribe((event) => {
      if (event.type !== 'denied') return;
      const charges = event.charges.map(({ policy, subject, cost }) => [policy.name, subject, cost]);
      events.push({ ...event, charges, outcome: event.outcome.allowed });
    });
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    expect(events).toEqual([{ type: 'denied', charges: [['connections', 'ip:127.0.0.1', 1]], outcome: false }]);
  });
});

describe.each(transports)('onDenied of a connection on %s', (transport) => {
  it('gets the call and its outcome', async () => {
    const calls: unknown[] = [];
    const onDenied = async (call: Call, outcome: Outcome) => {
      const { type, request, client, message, handler, controller, execution, address, context } = call;
      calls.push({ type, client, message, handler, controller, execution, address, context });
      calls.push({ key: request?.headers['x-api-key'], method: request?.method, url: request?.url });
      calls.push({ allowed: outcome.allowed, policy: outcome.binding?.policy, waitMs: outcome.binding?.retryAfterMs });
    };
    const options = one({ onDenied, context: { place: 'here' } });
    await using sockets = await startOnly({ transport, gateways, options });
    const path = transport === 'ws' ? { path: '/?room=1' } : {};
    await sockets.connect({ ...path, ...as('ann') });
    expect(calls).toEqual([]);
    await refusal(sockets, { ...path, ...as('ann') });
    expect(calls).toEqual([
      { type: 'ws', address: '127.0.0.1', context: { place: 'here' } },
      { key: 'ann', method: 'GET', url: transport === 'ws' ? '/?room=1' : '/socket.io/?EIO=4&transport=websocket' },
      { allowed: false, policy: 'connections', waitMs: 60_000 },
    ]);
  });

  it('is that of the module if the limit has none', async () => {
    const told: string[] = [];
    const options = { ...one(), onDenied: ({ type }: Call) => void told.push(type) };
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'limited', 'limited']);
    expect(told).toEqual(['ws', 'ws']);
  });
});
