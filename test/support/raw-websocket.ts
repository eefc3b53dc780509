import { once } from 'node:events';
import http from 'node:http';
import type { Socket } from 'node:net';

const TEXT = 0x81;
const MASKED = 0x80;

/** Returns a client's text frame of up to 125 bytes (RFC 6455, 5.2), masked with zeros. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new RangeError(`expected at most 125 bytes, got ${payload.length}`);
  return Buffer.concat([Buffer.from([TEXT, MASKED | payload.length, 0, 0, 0, 0]), payload]);
}

/** Opens a WebSocket whose client does not read frames, and can write any bytes at once. */
export async function openRaw(port: number, path: string): Promise<Socket> {
  const request = http.get({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    },
  });
  const [, socket] = await once(request, 'upgrade');
  socket.on('error', () => {});
  return socket;
}
