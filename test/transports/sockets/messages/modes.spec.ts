import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Call,
  type PolicyMode,
  type PolicyOptions,
  Throttle,
  type ThrottleModuleOptions,
} from '../../../../src/index.js';
import { CountedBackend } from '../../../support/counted-backend.js';
import { eventsOf, violationsIn } from '../../../support/events.js';
import { startSockets, type TestSocket, transports } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { attempts, refusal, SlowBackend } from '../connections/handshake-client.js';

const strategy = 'fixed-window';
const watched = { rate: '1/min', strategy, mode: 'monitor' } as const;
const off = { rate: '1/min', strategy, mode: 'off' } as const;

function gateway(limit: PolicyOptions) {
  const handled: unknown[] = [];

  @WebSocketGateway()
  class ChatGateway {
    @Throttle(limit)
    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): void {
      handled.push(data);
    }

    @Throttle('1/min', { strategy })
    @SubscribeMessage('strict')
    strict(): void {}
  }
  return { handled, gateways: [ChatGateway] };
}

async function send(socket: TestSocket, event: string, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) socket.send(event, i);
  await socket.settled();
}

describe.each(transports)('monitored messages on %s', (transport) => {
  const start = (limit: PolicyOptions, options: ThrottleModuleOptions = {}) => {
    const { handled, gateways } = gateway(limit);
    const started = startSockets({ transport, gateways, options });
    return { handled, started };
  };

  it('are handled, without a notice, and never close the connection', async () => {
    const { handled, started } = start(watched, { sockets: { closeAfter: 1, noticeEveryMs: 0 } });
    await using sockets = await started;
    const events = eventsOf(sockets.app);
    const socket = await sockets.connect();
    await send(socket, 'say', 4);
    expect(handled).toEqual([1, 2, 3, 4]);
    expect([socket.isOpen, socket.received]).toEqual([true, []]);
    expect(violationsIn(events)).toEqual([['default'], ['default'], ['default']]);
  });

  it('neither lengthen nor end a row of denials', async () => {
    const { started } = start(watched, { sockets: { closeAfter: 3 } });
    await using sockets = await started;
    const socket = await sockets.connect();
    await send(socket, 'strict', 3);
    await send(socket, 'say', 3);
    expect(socket.isOpen).toBe(true);
    socket.send('strict');
    await socket.closed;
  });

  it('are not delayed', async () => {
    // A delay would last until the clock is moved.
    const { handled, started } = start({ ...watched, strategy: 'leaky-bucket', burst: 5 });
    await using sockets = await started;
    await send(await sockets.connect(), 'say', 4);
    expect(handled).toEqual([1, 2, 3, 4]);
  });

  it('are not denied because too many of them await a decision', async () => {
    const backend = new SlowBackend(false);
    backend.isSlow = true;
    const { handled, started } = start(watched, { backend, sockets: { maxPending: 2, noticeEveryMs: 0 } });
    await using sockets = await started;
    const socket = await sockets.connect();
    await send(socket, 'say', 5);
    expect([backend.waiting, socket.received]).toEqual([5, []]);
    backend.release();
    await until(() => handled.length === 5);
    expect(handled).toEqual([1, 2, 3, 4, 5]);
  });

  it('are monitored as frames, too', async () => {
    const { handled, started } = start({ rate: '100/min' }, { sockets: { frames: watched, closeAfter: 1 } });
    await using sockets = await started;
    const events = eventsOf(sockets.app);
    const socket = await sockets.connect();
    await send(socket, 'say', 3);
    expect([handled, socket.isOpen, socket.received]).toEqual([[1, 2, 3], true, []]);
    // The fourth frame is the ping of the test.
    expect(violationsIn(events)).toEqual([['frames'], ['frames'], ['frames']]);
  });
});

describe.each(transports)('modes of new connections on %s', (transport) => {
  const start = (connections: PolicyOptions, backend = new CountedBackend()) =>
    startSockets({ transport, gateways: gateway(off).gateways, options: { backend, sockets: { connections } } });

  it('with monitor are not refused, and reported if they would have been', async () => {
    await using sockets = await start(watched);
    const events = eventsOf(sockets.app);
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'open']);
    expect(violationsIn(events)).toEqual([['connections'], ['connections']]);
  });

  it('with off do not call the backend', async () => {
    const backend = new CountedBackend();
    await using sockets = await start(off, backend);
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'open']);
    await send(await sockets.connect(), 'say', 3);
    expect(backend.asked).toEqual([]);
  });

  it('may be a function of each', async () => {
    const backend = new CountedBackend();
    const mode = async ({ request }: Call): Promise<PolicyMode> => modeIn(request?.headers['x-mode']);
    await using sockets = await start({ rate: '1/min', strategy, mode }, backend);
    const events = eventsOf(sockets.app);
    const attempt = (named: string) => attempts(sockets, 1, { headers: { 'x-mode': named } });
    expect(await attempt('on')).toEqual(['open']);
    expect(await attempt('monitor')).toEqual(['open']);
    expect(violationsIn(events)).toEqual([['connections']]);
    const { length } = backend.asked;
    expect(await attempt('off')).toEqual(['open']);
    expect(backend.asked).toHaveLength(length);
    expect((await refusal(sockets, { headers: { 'x-mode': 'on' } })).status).toBe(429);
    expect((await refusal(sockets, { headers: { 'x-mode': 'neither' } })).status).toBe(500);
  });
});

describe.each(transports)('modes of frames on %s', (transport) => {
  it('may be a function of each, and no frame passes for an invalid mode', async () => {
    let mode = 'on';
    const errors: string[] = [];
    const backend = new CountedBackend();
    const { handled, gateways } = gateway(off);
    const frames = { rate: '2/min', strategy, mode: async () => modeIn(mode) } as const;
    await using sockets = await startSockets({
      transport,
      gateways,
      errors,
      options: { backend, sockets: { frames, noticeEveryMs: 0 } },
    });
    const events = eventsOf(sockets.app);
    const socket = await sockets.connect();
    // The ping of the test is a frame, too.
    await send(socket, 'say', 1);
    socket.send('say', 'denied');
    expect((await socket.next()).event).toBe('rate_limit');
    mode = 'monitor';
    await send(socket, 'say', 1);
    expect(violationsIn(events)).toEqual([['frames'], ['frames']]);
    mode = 'off';
    const { length } = backend.asked;
    await send(socket, 'say', 2);
    expect(backend.asked).toHaveLength(length);
    mode = 'neither';
    socket.send('say', 'dropped');
    await until(() => errors.length > 0);
    expect(errors.join()).toContain('mode: expected "on", "off" or "monitor", got "neither"');
    mode = 'off';
    await send(socket, 'say', 1);
    expect(handled).toEqual([1, 1, 1, 2, 1]);
  });
});

/** Returns the mode that a request names, unchecked: the library has to find invalid ones. */
function modeIn(named: unknown): PolicyMode {
  return named as PolicyMode;
}
