import { once } from 'node:events';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { by, type Call, Throttle } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { type AdapterName, type AppOptions, adapters } from '../../../support/http-app.js';
import { until } from '../../../support/wait-until.js';
import { passing, speaking } from '../chat-gateway.js';
import { attempts, from, perMinute, startOnly } from '../connections/handshake-client.js';

const gateways = speaking({ by: by.ip() });

type Trust = 'nobody' | 'one hop' | 'loopback' | 'everyone';

/** An application that trusts, each adapter in its way. */
function trusting(adapter: AdapterName, trust: Trust): Pick<AppOptions, 'adapter' | 'prepare' | 'fastify'> {
  if (trust === 'nobody') return { adapter };
  if (adapter === 'express') {
    const setting = { 'one hop': 1, loopback: 'loopback', everyone: true }[trust];
    return { adapter, prepare: (nest) => nest.getHttpAdapter().getInstance().set('trust proxy', setting) };
  }
  const oneHop = (_address: string, hop: number) => hop < 1;
  return { adapter, fastify: { trustProxy: { 'one hop': oneHop, loopback: 'loopback', everyone: true }[trust] } };
}

const ignored = expect.stringMatching(
  /^A forwarding header was ignored because it came from an address that is not trusted as a proxy\. /,
);
const everyone = expect.stringMatching(
  /^The trust-proxy setting trusts everyone, so clients can choose their address /,
);

const both = transports.flatMap((transport) => adapters.map((adapter) => [transport, adapter] as const));

describe.each(both)('clients of %s by address, with %s', (transport, adapter) => {
  it('share one budget at one address, over all their connections', async () => {
    await using sockets = await startSockets({ transport, gateways, ...trusting(adapter, 'nobody') });
    expect(await passing(sockets, 1)).toBe(1);
    expect(await passing(sockets, 2)).toBe(1);
    expect(await passing(sockets, 2)).toBe(0);
  });

  it('gain nothing from a forwarding header if no proxy is trusted, with one warning', async () => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, ...trusting(adapter, 'nobody') });
    expect(await passing(sockets, 1)).toBe(1);
    expect(warnings).toEqual([]);
    expect(await passing(sockets, 2, from('203.0.113.1'))).toBe(1);
    expect(await passing(sockets, 1, from('203.0.113.2', '203.0.113.3'))).toBe(0);
    await sockets.http.send('/', from('203.0.113.4'));
    expect(warnings).toEqual([ignored]);
  });

  it.each(['one hop', 'loopback'] as const)('are distinguished by the last entry if %s is trusted', async (trust) => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, ...trusting(adapter, trust) });
    expect(await passing(sockets, 3, from('203.0.113.1'))).toBe(2);
    expect(await passing(sockets, 3, from('203.0.113.2'))).toBe(2);
    expect(await passing(sockets, 3, from('203.0.113.2', '203.0.113.3'))).toBe(2);
    // Entries before the last one are not trustworthy.
    expect(await passing(sockets, 1, from('198.51.100.1', '203.0.113.1'))).toBe(0);
    expect(await passing(sockets, 1, from('198.51.100.2', '198.51.100.3', '203.0.113.2'))).toBe(0);
    expect(await passing(sockets, 3)).toBe(2);
    expect(warnings).toEqual([]);
  });

  it('share one budget in every form of their address, and in one IPv6 network', async () => {
    await using sockets = await startSockets({ transport, gateways, ...trusting(adapter, 'loopback') });
    expect(await passing(sockets, 1, from('203.0.113.1'))).toBe(1);
    expect(await passing(sockets, 1, from('::ffff:203.0.113.1'))).toBe(1);
    expect(await passing(sockets, 1, from('::ffff:cb00:7101'))).toBe(0);
    expect(await passing(sockets, 1, from('2001:db8:1:2::1'))).toBe(1);
    expect(await passing(sockets, 2, from('2001:db8:1:2:ffff:ffff:ffff:ffff'))).toBe(1);
    expect(await passing(sockets, 1, from('2001:db8:1:3::1'))).toBe(1);
  });

  it('are distinguished when they connect', async () => {
    const options = { sockets: { connections: perMinute(1) } };
    await using sockets = await startOnly({ transport, gateways, options, ...trusting(adapter, 'loopback') });
    expect(await attempts(sockets, 2, from('203.0.113.1'))).toEqual(['open', 'limited']);
    expect(await attempts(sockets, 2, from('203.0.113.1', '203.0.113.2'))).toEqual(['open', 'limited']);
  });

  it('choose their address if everyone is trusted, with one warning', async () => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, ...trusting(adapter, 'everyone') });
    for (let i = 1; i < 4; i++) expect(await passing(sockets, 3, from(`203.0.113.${i}`, '198.51.100.1'))).toBe(2);
    await sockets.http.send('/', from('203.0.113.1'));
    expect(warnings).toEqual([everyone]);
  });
});

describe.each(transports)('an address on %s', (transport) => {
  it('is still known if its client has gone before the decision', async () => {
    const seen: unknown[] = [];
    let decide = () => {};
    const find = async (call: Call) => {
      seen.push('asked');
      await new Promise<void>((resolve) => {
        decide = resolve;
      });
      seen.push(call.address);
      return by.ip()(call);
    };

    @WebSocketGateway()
    class ChatGateway {
      handleDisconnect(): void {
        seen.push('gone');
      }

      @Throttle('2/min', { by: find })
      @SubscribeMessage('say')
      say(): void {}
    }
    await using sockets = await startSockets({ transport, gateways: [ChatGateway] });
    const socket = await sockets.connect();
    socket.send('say', 1);
    await until(() => seen.length === 1);
    await socket.drop();
    await until(() => seen.length === 2);
    decide();
    await until(() => seen.length === 3);
    expect(seen).toEqual(['asked', 'gone', '127.0.0.1']);
  });
});

describe('sockets without an address on ws', () => {
  it('share one budget, with one warning', async () => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport: 'ws', gateways, warnings });
    const socketPath = join(tmpdir(), `sluice-sockets-${process.pid}-${sockets.port}.sock`);
    const unix = http.createServer().on('upgrade', (...upgrade) => {
      sockets.app.getHttpServer().emit('upgrade', ...upgrade);
    });
    await once(unix.listen(socketPath), 'listening');
    const events: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const client = new WebSocket(`ws+unix:${socketPath}:/`);
      await once(client, 'open');
      client.send('{"event":"say","data":1}');
      const [frame] = await once(client, 'message');
      events.push(JSON.parse(String(frame)).event);
      client.close();
      await once(client, 'close');
    }
    unix.close();
    expect(events).toEqual(['said', 'said', 'rate_limit']);
    expect(await passing(sockets, 3)).toBe(2);
    expect(warnings).toEqual([expect.stringMatching(/^A request has no address /)]);
  });
});
