import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

/**
 * An upper bound for the start of a server, or of several that form a cluster, which takes seconds on a loaded machine.
 */
export const START_MS = 60_000;

export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** The settings that docs/redis.md recommends. */
export const recommended = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
} satisfies ClientOptions;

/** The same for a Cluster, which has a separate way to resend commands. */
export const recommendedCluster = { redisOptions: recommended, retryDelayOnFailover: 0 } satisfies ClusterOptions;

/** A private server on a free port of the loopback. */
export class RedisServer {
  #process: ChildProcess | undefined;
  /** Kills the server when this process ends in any way. */
  #watchdog: ChildProcess | undefined;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'sluice-redis-'));

  private constructor(
    readonly port: number,
    private readonly args: readonly string[],
  ) {}

  static async start(args: readonly string[] = []): Promise<RedisServer> {
    for (let tries = 1; ; tries++) {
      const server = new RedisServer(await freePort(), args);
      try {
        await server.start();
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        if (tries === 3) throw error;
      }
    }
  }

  get binary(): string {
    return serverBinary();
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  async start(): Promise<void> {
    const always = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      this.#folder,
    ];
    this.#process = spawn(this.binary, [...always, ...this.args], { stdio: 'ignore' });
    this.#watchdog?.kill('SIGKILL');
    this.#watchdog = watchdogOf(this.pid);
    await this.#answers();
  }

  /** Kills the server like a crash: nothing is saved. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    // Killed first, because its process id may be reused later.
    this.#watchdog?.kill('SIGKILL');
    if (process === undefined || process.exitCode !== null) return;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const giveUpAt = performance.now() + START_MS;
    while (performance.now() < giveUpAt && this.#process?.exitCode === null) {
      const client = new Redis({
        ...this.address,
        lazyConnect: true,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        disconnectTimeout: 50,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        // If ours could not bind the port, another server responds on it.
        if ((await client.info('server')).includes(`process_id:${this.pid}\r`)) return;
        await pause(20);
      } catch (error) {
        if (error instanceof Error && /NOAUTH|NOPERM/.test(error.message)) return;
        await pause(20);
      } finally {
        client.disconnect();
      }
    }
    throw new Error(`The Redis server on port ${this.port} did not answer within ${START_MS} ms.`);
  }
}

/**
 * Starts a shell that waits until its input ends, as it does when this process is killed, and then kills another
 * process.
 */
function watchdogOf(pid: number): ChildProcess {
  const watchdog = spawn('sh', ['-c', 'read -r _; kill -9 "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Not in this process's group, because an interrupt from the keyboard would end it first.
    detached: true,
  });
  // This process may end before the watchdog does.
  watchdog.unref();
  if (watchdog.stdin instanceof net.Socket) watchdog.stdin.unref();
  return watchdog;
}

/** Returns a connected client of a server, with the recommended settings. */
export async function connect(
  server: { readonly address: ClientOptions },
  options: ClientOptions = {},
): Promise<Redis> {
  const client = new Redis({
    ...server.address,
    ...recommended,
    retryStrategy: () => 50,
    // ioredis keeps a timer of that length when it disconnects from a closed connection.
    disconnectTimeout: 50,
    lazyConnect: true,
    ...options,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Private servers as a cluster of three masters, by default with a replica each. */
export class RedisCluster {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(replicas: 0 | 1 = 1): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--repl-diskless-sync-delay', '0'];
    const servers = await Promise.all(Array.from({ length: 3 + 3 * replicas }, () => RedisServer.start(args)));
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync(
      cliBinary(),
      ['--cluster', 'create', ...nodes, '--cluster-replicas', String(replicas), '--cluster-yes'],
      {
        stdio: 'ignore',
      },
    );
    const cluster = new RedisCluster(servers);
    await cluster.#isWhole(replicas);
    return cluster;
  }

  async connect(options: Omit<ClusterOptions, 'redisOptions'> = {}): Promise<Cluster> {
    const client = new Cluster(
      this.servers.map(({ address }) => address),
      {
        redisOptions: { ...recommended, disconnectTimeout: 50 },
        retryDelayOnFailover: 0,
        lazyConnect: true,
        // The default is one second, which a loaded machine may miss; then there is no connection.
        slotsRefreshTimeout: 10_000,
        clusterRetryStrategy: () => 100,
        ...options,
      },
    );
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Sets a parameter on every server. */
  async configure(name: string, value: number | string): Promise<void> {
    for (const server of this.servers) {
      const client = await connect(server);
      await client.config('SET', name, value);
      client.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }

  async #isWhole(replicas: number): Promise<void> {
    const giveUpAt = performance.now() + START_MS;
    while (performance.now() < giveUpAt) {
      const states = await Promise.all(
        this.servers.map(async (server) => {
          const client = await connect(server);
          try {
            const [info, replication] = await Promise.all([client.cluster('INFO'), client.info('replication')]);
            const isSynced = replication.includes('role:master')
              ? replicas === 0 || replication.includes('state=online')
              : replication.includes('master_link_status:up');
            return info.includes('cluster_state:ok') && isSynced;
          } finally {
            client.disconnect();
          }
        }),
      );
      if (states.every(Boolean)) return;
      await pause(100);
    }
    throw new Error(`The cluster was not whole within ${START_MS} ms.`);
  }
}

/**
 * Returns a port that nothing listens on. A cluster node also uses the port 10 000 above it; neither is in the range of
 * ephemeral ports.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Waits for something that no test clock moves, such as another process. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Returns the path of Redis or Valkey on the PATH. */
export function serverBinary(): string {
  return onPath('redis-server') ?? onPath('valkey-server') ?? missing();
}

function cliBinary(): string {
  return onPath('redis-cli') ?? onPath('valkey-cli') ?? missing();
}

function onPath(name: string): string | undefined {
  try {
    return execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

function missing(): never {
  throw new Error('The tests need a Redis: install redis-server (or valkey-server) so that it is on the PATH.');
}
