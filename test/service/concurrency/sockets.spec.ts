import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { from, map, NEVER, type Observable, startWith } from 'rxjs';
import { by, CallSignal, Concurrency, Throttle, ThrottleService } from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { startSockets, type TestSockets, transports } from '../../support/gateway-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';

const policies = { work: { concurrency: 2, by: by.all() } } as const;

describe.each(transports)('permits on %s', (transport) => {
  let gate: Gate;
  let signals: AbortSignal[];
  let app: TestSockets;
  let limiter: CallLimiter;
  let running: { now: number; most: number };

  beforeEach(async () => {
    gate = new Gate();
    signals = [];
    running = { now: 0, most: 0 };

    @WebSocketGateway()
    class WorkGateway {
      handleDisconnect(): void {
        gate.departures += 1;
      }

      @Throttle('work')
      @SubscribeMessage('wait')
      async wait(@MessageBody() name: string, @CallSignal() signal: AbortSignal): Promise<object> {
        signals.push(signal);
        running.now += 1;
        running.most = Math.max(running.most, running.now);
        await gate.wait(name);
        running.now -= 1;
        return { event: 'done', data: name };
      }

      @Concurrency(2, { name: 'thrown', by: by.all() })
      @SubscribeMessage('thrown')
      async thrown(): Promise<never> {
        throw new Error('broken');
      }

      @Concurrency(2, { name: 'value', by: by.all() })
      @SubscribeMessage('value')
      value(): object {
        return { event: 'done', data: 'value' };
      }

      @Concurrency(2, { name: 'stream', by: by.all() })
      @SubscribeMessage('stream')
      stream(): Observable<object> {
        return from(['a', 'b']).pipe(map((data) => ({ event: 'done', data })));
      }

      @Concurrency(2, { name: 'endless', by: by.all() })
      @SubscribeMessage('endless')
      endless(): Observable<object> {
        return NEVER.pipe(startWith({ event: 'done', data: 'first' }));
      }

      @Concurrency({ limit: 1, queue: { max: 5, waitMs: 1000 } }, { name: 'queue', by: by.all() })
      @SubscribeMessage('queue')
      async queue(@MessageBody() name: string): Promise<object> {
        await gate.wait(name);
        return { event: 'done', data: name };
      }
    }
    app = await startSockets({ transport, gateways: [WorkGateway], options: { policies } });
    limiter = app.app.get(CallLimiter);
  });
  afterEach(async () => {
    await app[Symbol.asyncDispose]();
  });

  const begun = (name: string) => until(() => gate.begun.includes(name));
  const noPermit = () => until(() => limiter.permits.size === 0);

  it.each(['value', 'thrown', 'stream'])('are freed by a message that ends with %s', async (event) => {
    const socket = await app.connect();
    socket.send(event, 'x');
    await socket.settled();
    await noPermit();
  });

  it('are held while handlers run; the next message is denied and its handler does not run', async () => {
    const socket = await app.connect();
    socket.send('wait', 'a');
    socket.send('wait', 'b');
    await Promise.all([begun('a'), begun('b')]);
    socket.send('wait', 'c');
    await until(() => socket.received.some(({ event }) => event === 'rate_limit'));
    expect(socket.received.find(({ event }) => event === 'rate_limit')?.data).toMatchObject({
      policy: 'work',
      reason: 'concurrency',
      limit: 2,
      remaining: 0,
      retry_after: 1,
    });
    gate.open('a');
    gate.open('b');
    await noPermit();
    expect(gate.begun).toEqual(['a', 'b']);
  });

  it('are held by a handler whose client has gone, and its signal aborts', async () => {
    const socket = await app.connect();
    socket.send('wait', 'gone');
    await begun('gone');
    await socket.drop();
    await until(() => signals[0]?.aborted === true);
    await until(() => gate.departures === 1);
    expect(limiter.permits.size).toBe(1);
    gate.open('gone');
    await noPermit();
  });

  it('are freed by a stream whose client has gone', async () => {
    const socket = await app.connect();
    socket.send('endless', 'x');
    await until(() => limiter.permits.size === 1);
    await socket.drop();
    await noPermit();
  });

  it('are queued for, and a client that goes leaves the queue', async () => {
    const [one, two, three] = [await app.connect(), await app.connect(), await app.connect()];
    one.send('queue', 'a');
    await begun('a');
    two.send('queue', 'b');
    await until(() => limiter.queued === 1);
    three.send('queue', 'c');
    await until(() => limiter.queued === 2);
    await two.drop();
    await until(() => limiter.queued === 1);
    gate.open('a');
    await begun('c');
    gate.open('c');
    await noPermit();
    expect(gate.begun).toEqual(['a', 'c']);
  });

  it('are not exceeded by clients that go', async () => {
    const sockets = await Promise.all(Array.from({ length: 40 }, () => app.connect()));
    for (const socket of sockets) socket.send('wait', 'flood');
    await begun('flood');
    for (const socket of sockets) await socket.drop();
    await until(() => gate.departures === 40);
    const last = await app.connect();
    last.send('wait', 'flood');
    await last.settled();
    expect(running).toEqual({ now: 2, most: 2 });
    await until(() => {
      gate.open('flood');
      return limiter.permits.size === 0;
    });
    expect(running).toEqual({ now: 0, most: 2 });
  });

  it('are freed when the application closes', async () => {
    const socket = await app.connect();
    socket.send('wait', 'closing');
    await begun('closing');
    const throttle = app.app.get(ThrottleService);
    expect(await throttle.stat('work', { subject: 'all' })).toMatchObject({ remaining: 1 });
    await socket.drop();
    await app.app.close();
    expect(limiter.permits.size).toBe(0);
    expect(await throttle.stat('work', { subject: 'all' })).toMatchObject({ remaining: 2 });
    gate.open('closing');
  });
});
