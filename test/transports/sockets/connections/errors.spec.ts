import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { PolicyOptions } from '../../../../src/index.js';
import { type Refused, transports } from '../../../support/gateway-app.js';
import { attempts, from, perMinute, refusal, startOnly } from './handshake-client.js';

const opened: unknown[] = [];

@WebSocketGateway()
class ChatGateway {
  handleConnection(client: unknown): void {
    opened.push(client);
  }
}

const gateways = [ChatGateway];
const one = (more: Partial<PolicyOptions> = {}) => ({ sockets: { connections: { ...perMinute(1), ...more } } });

describe.each(transports)('an exception of onDenied on %s', (transport) => {
  const denied = async (exception: Error): Promise<Refused> => {
    const onDenied = () => {
      throw exception;
    };
    await using sockets = await startOnly({ transport, gateways, options: one({ onDenied }) });
    await sockets.connect();
    return await refusal(sockets);
  };

  it('is the response, with its status and body', async () => {
    const { status, headers, body, message, data } = await denied(new HttpException({ code: 7, message: 'Go' }, 418));
    if (transport === 'ws') {
      expect([status, headers['content-type']]).toEqual([418, 'application/json; charset=utf-8']);
      expect(JSON.parse(body)).toEqual({ code: 7, message: 'Go' });
      expect([headers['retry-after'], headers['cache-control']]).toEqual(['60', 'no-store']);
    } else {
      expect([message, data]).toEqual(['Go', { code: 7, message: 'Go' }]);
    }
  });

  it('is written like by Nest if it is a string', async () => {
    const { status, headers, body, message } = await denied(new HttpException('Go away', 403));
    if (transport === 'ws') {
      expect([status, headers['content-type']]).toEqual([403, 'application/json; charset=utf-8']);
      expect(body).toBe('{"statusCode":403,"message":"Go away"}');
    } else {
      expect(message).toBe('Go away');
    }
  });
});

/** Functions of the user's that break when they are told to. */
const broken: Readonly<Record<string, (fail: () => never) => ReturnType<typeof one>>> = {
  cost: (fail) => one({ cost: () => fail() }),
  'a cost that takes its time': (fail) => one({ cost: async () => fail() }),
  'a cost that is none': () => one({ cost: () => Number.NaN }),
  by: (fail) => one({ by: () => fail() }),
  'by, without a text': () => one({ by: () => JSON.parse('7') }),
  skip: (fail) => one({ skip: () => fail() }),
  rate: (fail) => one({ rate: () => fail() }),
  'the skip of the module': (fail) => ({ ...one(), skip: () => fail() }),
};

const texts: Readonly<Record<string, string>> = {
  'a cost that is none':
    'ThrottleModule.sockets.connections.cost: expected a cost that is a safe integer of at least 0, got NaN',
  'by, without a text': 'ThrottleModule.sockets.connections.by: expected a string, null or EXEMPT, got 7 (number)',
};

describe.each(transports)('a function that fails on %s', (transport) => {
  const refusedBy = async (options: object, before = 0) => {
    const errors: string[] = [];
    opened.length = 0;
    await using sockets = await startOnly({ transport, gateways, options, errors });
    for (let i = 0; i < before; i++) await sockets.connect();
    const refused = await refusal(sockets);
    await refusal(sockets);
    return { refused, errors, opened: opened.length };
  };

  it.each(Object.entries(broken))('refuses connections, and is logged: %s', async (name, optionsOf) => {
    const options = optionsOf(() => {
      throw new Error(`${name} is broken`);
    });
    const { refused, errors, opened } = await refusedBy(options);
    if (transport === 'ws') expect(refused.status).toBe(500);
    else expect(refused.message).toBe('Internal server error');
    const text = texts[name] ?? `${name} is broken`;
    expect(errors).toEqual([text, text]);
    expect(opened).toBe(0);
  });

  it.each([
    [
      'onDenied',
      {
        onDenied: () => {
          throw new Error('onDenied is broken');
        },
      },
      'onDenied is broken',
    ],
    [
      'message',
      { message: () => JSON.parse('7') },
      'ThrottleModule.sockets.connections.message: expected a string or an object, got 7 (number)',
    ],
    [
      'context.extras',
      { context: { extras: [] } },
      'context.extras: expected an object of members for the message, got an empty list',
    ],
  ])('refuses connections even if it composes the message: %s', async (_name, more, text) => {
    const { refused, errors, opened } = await refusedBy(one(more), 1);
    if (transport === 'ws') expect(refused.status).toBe(500);
    else expect(refused.message).toBe('Internal server error');
    expect(errors).toEqual([text, text]);
    expect(opened).toBe(1);
  });

  it('gives the body that Nest would send, as JSON', async () => {
    const { refused } = await refusedBy(one({ cost: () => Number.NaN }));
    if (transport === 'ws') {
      expect(refused.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(refused.body).toBe('{"statusCode":500,"message":"Internal server error"}');
    }
  });

  it('does not crash if the response cannot be written', async () => {
    const self: { self?: unknown } = {};
    self.self = self;
    const { refused, opened } = await refusedBy(one({ message: () => self }), 1);
    if (transport === 'ws') expect(refused.status).toBe(500);
    else expect(refused.message).toBe('Internal server error');
    expect(opened).toBe(1);
  });

  it('gives no address if it is trustProxy: all clients share a budget, and it is logged', async () => {
    const trustProxy = (address: string) => {
      if (address === '127.0.0.1') throw new Error('trustProxy is broken');
      return false;
    };
    const errors: string[] = [];
    const options = { sockets: { connections: perMinute(2), trustProxy } };
    await using sockets = await startOnly({ transport, gateways, options, errors });
    for (const address of ['203.0.113.1', '203.0.113.2']) {
      expect(await attempts(sockets, 1, from(address))).toEqual(['open']);
    }
    expect(await attempts(sockets, 1, from('203.0.113.3'))).toEqual(['limited']);
    // One error for each attempt, and one for each connection.
    expect(errors).toEqual(new Array(5).fill('trustProxy is broken'));
  });

  it('has no effect when it works again', async () => {
    let isBroken = true;
    const cost = () => (isBroken ? Number.NaN : 1);
    await using sockets = await startOnly({ transport, gateways, options: one({ cost }) });
    await refusal(sockets);
    isBroken = false;
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });
});
