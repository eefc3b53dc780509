import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { type By, by, type Call, EXEMPT, subjectOf } from '../../../../src/index.js';
import { type ConnectOptions, startSockets, transports } from '../../../support/gateway-app.js';
import { passing, speaking } from '../chat-gateway.js';
import { from } from '../connections/handshake-client.js';

const as = (key: string, more: Readonly<Record<string, string>> = {}) => ({ headers: { 'x-api-key': key, ...more } });

const keyed = (key: string) => subjectOf.header('x-api-key', key);

describe.each(transports)('the subject of a message on %s', (transport) => {
  /** The subjects that messages are charged to, one message for each client. */
  const subjects = async (find: By, clients: readonly ConnectOptions[], options = {}): Promise<unknown[]> => {
    const found: unknown[] = [];
    const seen: By = async (call) => {
      const subject = await find(call);
      found.push(subject);
      return subject;
    };
    await using sockets = await startSockets({ transport, gateways: speaking({ by: seen }), options });
    for (const client of clients) expect(await passing(sockets, 1, client)).toBe(1);
    return found;
  };

  it('is the connection by default: a new one has a new budget, even at the same address', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking() });
    const [one, other] = [await sockets.connect(), await sockets.connect()];
    for (let i = 0; i < 3; i++) {
      for (const socket of [one, other]) {
        socket.send('say', i);
        await socket.settled();
      }
    }
    const said = { event: 'said', data: expect.any(Number) };
    const denied = { event: 'rate_limit', data: expect.objectContaining({ policy: 'default' }) };
    expect([one.received, other.received]).toEqual([
      [said, said, denied],
      [said, said, denied],
    ]);
    await one.close();
    for (let i = 0; i < 3; i++) expect(await passing(sockets, 3)).toBe(2);
  });

  it('is a different string for each connection', async () => {
    const found: unknown[] = [];
    const seen: By = (call) => {
      const subject = by.connection()(call);
      found.push(subject);
      return subject;
    };
    await using sockets = await startSockets({ transport, gateways: speaking({ by: seen }) });
    await passing(sockets, 2);
    await passing(sockets, 1);
    expect(found).toEqual(new Array(3).fill(expect.stringMatching(/^conn:[\w-]{12}-\d+$/)));
    expect(found[1]).toBe(found[0]);
    expect(found[2]).not.toBe(found[0]);
  });

  it.each([
    ['address', by.ip()],
    ['header', by.header('X-Api-Key')],
    ['path', by.path()],
    ['application', by.all()],
  ])('is the %s with that option: a new connection gains nothing', async (_what, find) => {
    await using sockets = await startSockets({ transport, gateways: speaking({ by: find }) });
    expect(await passing(sockets, 1, as('a'))).toBe(1);
    expect(await passing(sockets, 2, as('a'))).toBe(1);
    expect(await passing(sockets, 1, as('a'))).toBe(0);
  });

  it('is a header of the upgrade request, else the address', async () => {
    const clients = [as('a'), as('b'), {}];
    expect(await subjects(by.header('X-Api-Key'), clients)).toEqual([keyed('a'), keyed('b'), null]);
    await using sockets = await startSockets({ transport, gateways: speaking({ by: by.header('x-api-key') }) });
    expect(await passing(sockets, 3, as('a'))).toBe(2);
    expect(await passing(sockets, 3, as('b'))).toBe(2);
    expect(await passing(sockets, 3)).toBe(2);
    expect(await passing(sockets, 1)).toBe(0);
  });

  it('is the path of the upgrade request, without its query', async () => {
    const path = transport === 'ws' ? '/' : '/socket.io';
    const clients = transport === 'ws' ? [{}, { path: '/?room=1' }] : [{}];
    expect(await subjects(by.path(), clients)).toEqual(clients.map(() => `path:${path}`));
  });

  it('is the first that is found, or else the address', async () => {
    const find = by.first(by.user(), by.header('x-api-key'), by.ip());
    expect(await subjects(find, [as('a'), {}])).toEqual([keyed('a'), 'ip:127.0.0.1']);
    expect(await subjects(by.first(by.header('x-api-key'), by.connection()), [{}])).toEqual([
      expect.stringMatching(/^conn:/),
    ]);
  });

  it('is all of them together', async () => {
    const find = by.each(by.header('x-api-key'), by.ip());
    const clients = [as('a', from('203.0.113.1').headers), as('ab', from('203.0.113.1').headers), {}];
    expect(await subjects(find, clients, { sockets: { trustProxy: 'loopback' } })).toEqual([
      `each:50:${keyed('a')}14:ip:203.0.113.1`,
      `each:50:${keyed('ab')}14:ip:203.0.113.1`,
      'each:12:ip:127.0.0.112:ip:127.0.0.1',
    ]);
    await using sockets = await startSockets({ transport, gateways: speaking({ by: find }) });
    expect(await passing(sockets, 3, as('a'))).toBe(2);
    expect(await passing(sockets, 3, as('b'))).toBe(2);
    expect(await passing(sockets, 1, as('a'))).toBe(0);
  });

  it.each([undefined, null, ''])('is the address if a function returns %j', async (nobody) => {
    const gateways = speaking({ by: async () => setImmediate(nobody) });
    const options = { sockets: { trustProxy: 'loopback' } };
    await using sockets = await startSockets({ transport, gateways, options });
    expect(await passing(sockets, 3, from('203.0.113.1'))).toBe(2);
    expect(await passing(sockets, 1, from('203.0.113.1'))).toBe(0);
    expect(await passing(sockets, 3, from('203.0.113.2'))).toBe(2);
  });

  it('is missing if a function exempts', async () => {
    const isFriend = ({ request }: Call) => request?.headers['x-api-key'] === 'friend';
    const finds: By[] = [
      (call) => (isFriend(call) ? EXEMPT : 'all'),
      by.each(
        async (call) => setImmediate(isFriend(call) ? EXEMPT : 'a'),
        () => 'b',
      ),
    ];
    for (const find of finds) {
      await using sockets = await startSockets({ transport, gateways: speaking({ by: find }) });
      expect(await passing(sockets, 5, as('friend'))).toBe(5);
      expect(await passing(sockets, 3)).toBe(2);
      expect(await passing(sockets, 5, as('friend'))).toBe(5);
    }
  });
});
