import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type By,
  type PolicyMode,
  type PolicyOptions,
  Throttle,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { eventsOf, violationsIn } from '../../support/events.js';
import { startSockets, type TestSocket, type TestSockets, transports } from '../../support/gateway-app.js';
import { nestMajor } from '../../support/nest-version.js';
import { backends, useBackends } from '../handler-phase/backends.js';

/** The subject in a header of the upgrade request. */
const byHeader =
  (name: string): By =>
  ({ request }) => {
    const found = request?.headers[`x-${name}`];
    return typeof found === 'string' ? `${name}:${found}` : undefined;
  };

/** The room that a message is for, in its data. */
const byRoom: By = async ({ message }) => {
  const { room }: { readonly room?: string } = Object(message);
  return room && `room:${room}`;
};

const say = { rate: '2/h', strategy: 'fixed-window', by: byHeader('user'), overrides: true } as const;

@WebSocketGateway()
class ChatGateway {
  @Throttle('say')
  @SubscribeMessage('say')
  say(@MessageBody() _data: unknown): unknown {
    return { event: 'said', data: 1 };
  }

  @Throttle('1/h', { strategy: 'fixed-window' })
  @SubscribeMessage('strict')
  strict(): unknown {
    return { event: 'said', data: 1 };
  }
}

const as = (user: string, more: Readonly<Record<string, string>> = {}) => ({ headers: { 'x-user': user, ...more } });

/** Returns the results of messages that are sent one by one: `said`, or the limit in force if denied. */
async function send(socket: TestSocket, count: number, data: object = {}, event = 'say'): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (let i = 0; i < count; i++) {
    socket.send(event, data);
    const answer = await socket.next();
    answers.push(answer.event === 'said' ? 'said' : Reflect.get(Object(answer.data), 'limit'));
  }
  return answers;
}

const said = (count: number): unknown[] => new Array(count).fill('said');

describe.each(transports)('overrides of messages on %s', (transport) => {
  const redis = useBackends();

  const start = (policy: Partial<PolicyOptions> = {}, options: ThrottleModuleOptions = {}): Promise<TestSockets> =>
    startSockets({
      transport,
      gateways: [ChatGateway],
      options: {
        policies: { say: { ...say, ...policy } as PolicyOptions },
        sockets: { noticeEveryMs: 0 },
        ...options,
      },
    });

  it.each(backends)('apply to the next message of an open connection: %s', async (name) => {
    await using sockets = await start({}, { backend: redis.make(name) });
    const { overrides } = sockets.app.get(ThrottleService);
    const [ada, bob] = [await sockets.connect(as('ada')), await sockets.connect(as('bob'))];
    expect(await send(ada, 3)).toEqual(['said', 'said', 2]);
    await overrides.set('say', 'user:ada', '4/h');
    expect(await send(ada, 3)).toEqual(['said', 'said', 4]);
    await overrides.set('say', 'user:ada', '1/day');
    expect(await send(ada, 2)).toEqual(['said', 1]);
    await overrides.set('say', 'user:ada', 'unlimited');
    expect(await send(ada, 5)).toEqual(said(5));
    await overrides.delete('say', 'user:ada');
    expect(await send(ada, 1)).toEqual([2]);
    expect(await send(bob, 3)).toEqual(['said', 'said', 2]);
  });

  it.each(backends)('are those of the most specific subject that is found in the message: %s', async (name) => {
    await using sockets = await start({ overrides: [byRoom, byHeader('org')] }, { backend: redis.make(name) });
    const { overrides } = sockets.app.get(ThrottleService);
    await overrides.set('say', 'org:1', '3/h');
    await overrides.set('say', 'room:a', '5/h');
    const [ada, bob] = [await sockets.connect(as('ada', { 'x-org': '1' })), await sockets.connect(as('bob'))];
    expect(await send(ada, 4)).toEqual(['said', 'said', 'said', 3]);
    expect(await send(ada, 3, { room: 'a' })).toEqual(['said', 'said', 5]);
    expect(await send(bob, 3, { room: 'b' })).toEqual(['said', 'said', 2]);
    expect(await send(bob, 1, { room: 'a' })).toEqual(['said']);
  });

  it('limit clients that a plan does not limit, and take precedence over it', async () => {
    await using sockets = await start(
      {},
      {
        plans: {
          of: async ({ request }) => Reflect.get(Object(request?.headers), 'x-plan'),
          default: 'free',
          tiers: { free: {}, pro: { say: '3/h' }, all: { say: 'unlimited' } },
        },
      },
    );
    const { overrides, policies } = sockets.app.get(ThrottleService);
    const ada = await sockets.connect(as('ada', { 'x-plan': 'all' }));
    const bob = await sockets.connect(as('bob', { 'x-plan': 'pro' }));
    expect([await send(ada, 5), await send(bob, 4)]).toEqual([said(5), ['said', 'said', 'said', 3]]);
    await overrides.set('say', 'user:ada', '1/h');
    await overrides.set('say', 'user:bob', '4/h');
    await policies.update('say', { rate: '9/h' });
    expect([await send(ada, 2), await send(bob, 2)]).toEqual([
      ['said', 1],
      ['said', 4],
    ]);
    await overrides.delete('say', 'user:ada');
    expect(await send(ada, 5)).toEqual(said(5));
  });

  it('that are unlimited neither lengthen nor end a row of denials', async () => {
    await using sockets = await start({}, { sockets: { closeAfter: 3, noticeEveryMs: 0 } });
    await sockets.app.get(ThrottleService).overrides.set('say', 'user:ada', 'unlimited');
    const ada = await sockets.connect(as('ada'));
    expect(await send(ada, 3, {}, 'strict')).toEqual(['said', 1, 1]);
    expect(await send(ada, 5)).toEqual(said(5));
    ada.send('strict');
    await ada.closed;
  });

  it('that are low close the connection like any limit', async () => {
    await using sockets = await start({}, { sockets: { closeAfter: 2 } });
    const ada = await sockets.connect(as('ada'));
    expect(await send(ada, 2)).toEqual(said(2));
    await sockets.app.get(ThrottleService).overrides.set('say', 'user:ada', '1/h');
    for (let i = 0; i < 2; i++) ada.send('say');
    await ada.closed;
  });

  it('apply in the mode of the message', async () => {
    const backend = new CountedBackend();
    const modes: Readonly<Record<string, PolicyMode>> = { '1': 'on', '2': 'monitor', '3': 'off' };
    const mode = ({ message }: { readonly message?: unknown }) => modes[Reflect.get(Object(message), 'mode')] ?? 'on';
    await using sockets = await start({ mode }, { backend, sockets: { noticeEveryMs: 0, closeAfter: 3 } });
    await sockets.app.get(ThrottleService).overrides.set('say', 'user:ada', '1/min');
    const events = eventsOf(sockets.app);
    const ada = await sockets.connect(as('ada'));
    expect(await send(ada, 2, { mode: 1 })).toEqual(['said', 1]);
    expect(await send(ada, 4, { mode: 2 })).toEqual(said(4));
    expect(violationsIn(events)).toEqual(new Array(4).fill(['say']));
    const { length } = backend.asked;
    expect(await send(ada, 4, { mode: 3 })).toEqual(said(4));
    expect(backend.asked).toHaveLength(length);
    expect(await send(ada, 1, { mode: 1 })).toEqual([1]);
  });

  it('fail the message if their function fails, and the next one is decided', async () => {
    let isFailing = true;
    const errors: string[] = [];
    const failing: By = async () => {
      if (isFailing) throw new Error('no organisations today');
      return 'org:1';
    };
    await using sockets = await startSockets({
      transport,
      gateways: [ChatGateway],
      errors,
      options: { policies: { say: { ...say, overrides: [failing] } } },
    });
    const ada = await sockets.connect(as('ada'));
    ada.send('say', {});
    await ada.settled();
    // On ws, Nest 11 tells clients of no error.
    expect(ada.received.map(({ event }) => event)).toEqual(transport === 'io' || nestMajor === 12 ? ['exception'] : []);
    ada.received.length = 0;
    isFailing = false;
    expect(await send(ada, 3)).toEqual(['said', 'said', 2]);
  });

  it('are not supported in the limits of connections and frames', async () => {
    for (const name of ['connections', 'frames'] as const) {
      const limit = { rate: '5/h', overrides: true } as PolicyOptions;
      const started = start({}, { sockets: { [name]: limit } });
      await expect(started).rejects.toThrow(`sockets.${name}.overrides: cannot be used in a limit of ${name}.`);
    }
  });
});

describe.each(transports)('changes at run time to messages on %s', (transport) => {
  it('apply to the next message of an open connection', async () => {
    const backend = new CountedBackend();
    await using sockets = await startSockets({
      transport,
      gateways: [ChatGateway],
      options: { backend, policies: { say }, sockets: { noticeEveryMs: 0, closeAfter: 3 } },
    });
    const { policies, overrides } = sockets.app.get(ThrottleService);
    const events = eventsOf(sockets.app);
    const ada = await sockets.connect(as('ada'));
    expect(await send(ada, 3)).toEqual(['said', 'said', 2]);
    await policies.update('say', { rate: '3/h' });
    expect(await send(ada, 2)).toEqual(['said', 3]);
    await policies.update('say', { mode: 'monitor' });
    expect(await send(ada, 4)).toEqual(said(4));
    expect(violationsIn(events)).toHaveLength(4);
    await policies.update('say', { mode: 'off' });
    const { length } = backend.asked;
    expect(await send(ada, 4)).toEqual(said(4));
    expect(backend.asked).toHaveLength(length);
    await overrides.set('say', 'user:ada', '4/h');
    await policies.update('say', { mode: 'on' });
    expect(await send(ada, 2)).toEqual(['said', 4]);
    await overrides.delete('say', 'user:ada');
    await policies.reset('say');
    expect(await send(ada, 1)).toEqual([2]);
  });
});

describe.each(transports)('messages whose plan cannot be looked up on %s', (transport) => {
  it('have the last known plan of their connection, or else the default', async () => {
    let isFailing = true;
    await using sockets = await startSockets({
      transport,
      gateways: [ChatGateway],
      options: {
        policies: { say: { rate: '1/h', strategy: 'fixed-window' } },
        sockets: { noticeEveryMs: 0 },
        plans: {
          of: async () => {
            if (isFailing) throw new Error('no plans today');
            return 'pro';
          },
          cacheMs: 1000,
          default: 'free',
          tiers: { free: { say: '2/h' }, pro: { say: '4/h' } },
        },
      },
    });
    const socket = await sockets.connect();
    expect(await send(socket, 3)).toEqual(['said', 'said', 2]);
    isFailing = false;
    expect(await send(socket, 1)).toEqual(['said']);
    isFailing = true;
    sockets.clock.advance(2000);
    expect(await send(socket, 2)).toEqual(['said', 4]);
    expect(await send(await sockets.connect(), 3)).toEqual(['said', 'said', 2]);
  });
});
