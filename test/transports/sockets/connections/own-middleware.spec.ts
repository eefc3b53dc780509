import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import type { ServerOptions, VerifyClientCallbackSync } from 'ws';
import { Throttle } from '../../../../src/index.js';
import { aside, attempts, perMinute, refusal, startOnly, tooMany } from './handshake-client.js';

const options = { sockets: { connections: perMinute(2) } };
const key = { headers: { 'x-key': 'a' } };
const hasKey = ({ headers }: IncomingMessage): boolean => headers['x-key'] === 'a';

/** A gateway of ws whose clients are verified, and what its verification was asked. */
function verified(verifyClient: ServerOptions['verifyClient']) {
  const opened: unknown[] = [];

  @WebSocketGateway({ verifyClient })
  class ChatGateway {
    handleConnection(client: unknown): void {
      opened.push(client);
    }
  }
  return { opened, gateways: [ChatGateway] };
}

/** How connections with the key end, and those without: our limit comes first, and counts both. */
async function expectBoth(verifyClient: ServerOptions['verifyClient'], refused: object): Promise<void> {
  const { opened, gateways } = verified(verifyClient);
  await using sockets = await startOnly({ transport: 'ws', gateways, options });
  await sockets.connect(key);
  expect(await refusal(sockets)).toMatchObject(refused);
  expect(await attempts(sockets, 1, key)).toEqual(['limited']);
  expect(await attempts(sockets, 1)).toEqual(['limited']);
  expect(opened).toHaveLength(1);
  sockets.clock.advance(60_000);
  expect(await attempts(sockets, 3, key)).toEqual(['open', 'open', 'limited']);
  expect(opened).toHaveLength(3);
}

describe("a user's own verifyClient on ws", () => {
  it('still decides, with one argument', async () => {
    const asked: unknown[] = [];
    const verify: VerifyClientCallbackSync = ({ req, secure, origin }) => {
      asked.push([req.url, secure, origin]);
      return hasKey(req);
    };
    await expectBoth(verify, { status: 401, body: 'Unauthorized' });
    // It is not called for connections above the limit.
    expect(asked).toEqual(new Array(4).fill(['/', false, undefined]));
  });

  it('still decides, with two arguments and a custom response', async () => {
    await expectBoth(
      ({ req }, done) => {
        setImmediate(() => done(hasKey(req), 403, 'no key', { 'x-wanted': 'a' }));
      },
      { status: 403, body: 'no key', headers: { 'x-wanted': 'a' } },
    );
  });

  it.each([
    ['a number', 1],
    ['a text', 'yes'],
    ['an object', {}],
  ])('accepts with any value that is truthy to ws: %s', async (_what, answer) => {
    const verify = (() => answer) as unknown as VerifyClientCallbackSync; // as written in JavaScript
    const { gateways } = verified(verify);
    await using free = await startOnly({ transport: 'ws', gateways });
    expect(await attempts(free, 1)).toEqual(['open']);
    await using sockets = await startOnly({ transport: 'ws', gateways, options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
  });

  it.each([undefined, null, 0, ''])('refuses with any value that is falsy to ws: %j', async (answer) => {
    const verify = (() => answer) as unknown as VerifyClientCallbackSync; // as written in JavaScript
    const { gateways } = verified(verify);
    await using sockets = await startOnly({ transport: 'ws', gateways, options });
    expect((await refusal(sockets)).status).toBe(401);
  });

  it('refuses if it throws, and the server goes on', async () => {
    let isBroken = true;
    const { opened, gateways } = verified(() => {
      if (isBroken) throw new Error('verifyClient is broken');
      return true;
    });
    await using sockets = await startOnly({ transport: 'ws', gateways, options });
    expect((await refusal(sockets)).status).toBe(500);
    isBroken = false;
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    expect(opened).toHaveLength(1);
  });

  it('is not changed if connections are not limited', async () => {
    const { gateways } = verified(({ req }: { readonly req: IncomingMessage }) => hasKey(req));
    await using sockets = await startOnly({ transport: 'ws', gateways });
    expect(await attempts(sockets, 3, key)).toEqual(['open', 'open', 'open']);
    expect((await refusal(sockets)).status).toBe(401);
  });
});

/** A gateway of socket.io with middleware of its own, and what that was asked. */
function withMiddleware(namespace?: string) {
  const asked: unknown[] = [];
  const opened: unknown[] = [];

  @WebSocketGateway(namespace === undefined ? {} : { namespace })
  @Throttle({ connections: perMinute(2) })
  class ChatGateway {
    afterInit(server: Server): void {
      server.use((socket: Socket, next) => {
        asked.push(socket.handshake.auth.key);
        const isKnown = socket.handshake.auth.key === 'a';
        next(isKnown ? undefined : Object.assign(new Error('no key'), { data: { wanted: 'a' } }));
      });
    }

    handleConnection(client: unknown): void {
      opened.push(client);
    }
  }
  return { asked, opened, gateways: [ChatGateway] };
}

describe.each([undefined, '/aside'])("a user's own middleware on io, of the namespace %s", (namespace) => {
  const where = namespace === undefined ? {} : aside('io', namespace);

  it('still decides, after the limit', async () => {
    const { asked, opened, gateways } = withMiddleware(namespace);
    await using sockets = await startOnly({ transport: 'io', gateways });
    await sockets.connect({ ...where, auth: { key: 'a' } });
    expect(await refusal(sockets, where)).toMatchObject({ message: 'no key', data: { wanted: 'a' } });
    const { message, data } = await refusal(sockets, { ...where, auth: { key: 'a' } });
    expect([message, data]).toEqual(['Too many connections', tooMany({ limit: 2 })]);
    expect(asked).toEqual(['a', undefined]);
    expect(opened).toHaveLength(1);
    sockets.clock.advance(60_000);
    expect(await attempts(sockets, 3, { ...where, auth: { key: 'a' } })).toEqual(['open', 'open', 'limited']);
  });
});

type AllowRequest = NonNullable<NonNullable<ConstructorParameters<typeof Server>[1]>['allowRequest']>;

describe("a user's own allowRequest on io", () => {
  it.each([
    ['at once', ({ headers }, answer) => answer(null, headers['x-key'] === 'a')],
    [
      'later',
      ({ headers }, answer) => {
        setImmediate(() => answer('no key', headers['x-key'] === 'a'));
      },
    ],
  ] satisfies [string, AllowRequest][])('still decides, after the limit: %s', async (_when, decide) => {
    const asked: unknown[] = [];
    const allowRequest: AllowRequest = (request, answer) => {
      asked.push(request.headers['x-key']);
      decide(request, answer);
    };
    @WebSocketGateway({ allowRequest })
    class ChatGateway {}
    await using sockets = await startOnly({ transport: 'io', gateways: [ChatGateway], options });
    expect((await refusal(sockets)).status).toBe(400);
    expect((await refusal(sockets, { transports: ['polling'] })).status).toBe(403);
    // Both were counted, and those that are over the limit are not asked for a key.
    expect(await attempts(sockets, 1, key)).toEqual(['limited']);
    sockets.clock.advance(60_000);
    expect(await attempts(sockets, 3, key)).toEqual(['open', 'open', 'limited']);
    expect(asked).toEqual([undefined, undefined, 'a', 'a']);
  });

  it('refuses if it throws, and the server goes on', async () => {
    let isBroken = true;
    const allowRequest: AllowRequest = (_request, answer) => {
      if (isBroken) throw new Error('allowRequest is broken');
      answer(null, true);
    };
    @WebSocketGateway({ allowRequest })
    class ChatGateway {}
    const errors: string[] = [];
    await using sockets = await startOnly({ transport: 'io', gateways: [ChatGateway], options, errors });
    expect((await refusal(sockets)).status).toBe(500);
    isBroken = false;
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    expect(errors).toEqual(['allowRequest is broken']);
  });

  it('is not changed if connections are not limited', async () => {
    const allowRequest: AllowRequest = ({ headers }, answer) => answer(null, headers['x-key'] === 'a');
    @WebSocketGateway({ allowRequest })
    class ChatGateway {}
    await using sockets = await startOnly({ transport: 'io', gateways: [ChatGateway] });
    expect(await attempts(sockets, 3, key)).toEqual(['open', 'open', 'open']);
    expect((await refusal(sockets)).status).toBe(400);
  });
});
