import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { type ClientOptions, connect, freePort, pause, RedisServer, recommended, START_MS } from './redis.js';

const NAME = 'sluice';

/** A master, a replica, and three sentinels that watch them. */
export class RedisSentinels {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'sluice-sentinel-'));
  readonly #processes: ChildProcess[] = [];
  readonly #ports: number[] = [];

  private constructor(
    readonly master: RedisServer,
    readonly replica: RedisServer,
    readonly downAfterMs: number,
  ) {}

  static async start(downAfterMs = 1000): Promise<RedisSentinels> {
    const master = await RedisServer.start(['--repl-diskless-sync-delay', '0']);
    const replica = await RedisServer.start(['--replicaof', '127.0.0.1', String(master.port)]);
    const trio = new RedisSentinels(master, replica, downAfterMs);
    for (let i = 0; i < 3; i++) await trio.#add();
    await trio.#isWatched();
    return trio;
  }

  /** Returns a client of the current master, with the recommended settings. */
  async connect(options: ClientOptions = {}): Promise<Redis> {
    const client = new Redis({
      sentinels: this.#ports.map((port) => ({ host: '127.0.0.1', port })),
      name: NAME,
      ...recommended,
      failoverDetector: true,
      retryStrategy: () => 50,
      disconnectTimeout: 50,
      lazyConnect: true,
      ...options,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sentinel of this.#processes) {
      const gone = new Promise((resolve) => sentinel.once('exit', resolve));
      sentinel.kill('SIGKILL');
      await gone;
    }
    await Promise.all([this.master, this.replica].map((server) => server[Symbol.asyncDispose]()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #add(): Promise<void> {
    const port = await freePort();
    const file = path.join(this.#folder, `${port}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${this.#folder}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${this.master.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${this.downAfterMs}`,
      `sentinel failover-timeout ${NAME} 6000`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.#processes.push(spawn(this.master.binary, [file, '--sentinel'], { stdio: 'ignore' }));
    this.#ports.push(port);
  }

  /** Waits until every sentinel knows the replica and both other sentinels. */
  async #isWatched(): Promise<void> {
    const giveUpAt = performance.now() + START_MS;
    while (performance.now() < giveUpAt) {
      const known = await Promise.all(this.#ports.map((port) => knows(port)));
      if (known.every(Boolean)) return;
      await pause(50);
    }
    throw new Error(`The sentinels did not find each other within ${START_MS} ms.`);
  }
}

async function knows(port: number): Promise<boolean> {
  let sentinel: Redis | undefined;
  try {
    sentinel = await connect({ address: { host: '127.0.0.1', port } }, { retryStrategy: () => null });
    const info = await sentinel.info('sentinel');
    return /status=ok,address=\S+,slaves=1,sentinels=3/.test(info);
  } catch {
    return false;
  } finally {
    sentinel?.disconnect();
  }
}
