import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

const HOST = '127.0.0.1';

/** A private Redis on a free port of the loopback, without persistence. */
export class RedisServer {
  #process;
  #folder = mkdtempSync(path.join(tmpdir(), 'bench-redis-'));

  constructor(port) {
    this.port = port;
    const args = ['--port', port, '--bind', HOST, '--save', '', '--appendonly', 'no', '--dir', this.#folder];
    this.#process = spawn(serverBinary(), args.map(String), { stdio: 'ignore' });
  }

  static async start() {
    for (let tries = 1; ; tries++) {
      const server = new RedisServer(await freePort());
      try {
        await server.#answers();
        return server;
      } catch (error) {
        await server.stop();
        if (tries === 3) throw error;
      }
    }
  }

  /** Deletes all keys. */
  async flush() {
    const client = await connectPlain(this.port);
    await client.flushall();
    client.disconnect();
  }

  async stop() {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers() {
    for (const deadline = performance.now() + 10_000; performance.now() < deadline; await pause(20)) {
      if (this.#process.exitCode !== null) break;
      try {
        const client = await connect(this.port, { retryStrategy: () => null });
        const info = await client.info('server');
        client.disconnect();
        // If ours could not bind the port, another server responds on it.
        if (info.includes(`process_id:${this.#process.pid}\r`)) return;
      } catch {}
    }
    throw new Error(`The Redis server on port ${this.port} did not answer within 10 s.`);
  }
}

/** Returns a connected client with the settings that docs/redis.md recommends. */
export async function connect(port, options = {}) {
  const recommended = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, enableOfflineQueue: false };
  return connectPlain(port, { ...recommended, ...options });
}

/** Returns a connected client with the defaults of ioredis. */
export async function connectPlain(port, options = {}) {
  const client = new Redis({ host: HOST, port, lazyConnect: true, ...options });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Returns the path of Redis or Valkey on the PATH. */
export function serverBinary() {
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      return execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {}
  }
  throw new Error('The benches need a Redis: install redis-server (or valkey-server) so that it is on the PATH.');
}

async function freePort() {
  const server = net.createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
