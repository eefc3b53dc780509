import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort, pause, START_MS, serverBinary } from '../../../support/redis/redis.js';

const LIBRARY = 'libfaketimeMT.so.1';
const FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/local/lib64'];

/** A private Redis whose clock jumps on command: libfaketime replaces the system's clock. */
export class JumpingRedis {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'sluice-clock-'));
  readonly #process: ChildProcess;
  #aheadMs = 0;

  private constructor(
    readonly port: number,
    library: string,
  ) {
    this.jump(0);
    this.#process = spawn(
      serverBinary(),
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder],
      {
        stdio: 'ignore',
        env: {
          ...process.env,
          // jemalloc reads the clock before libfaketime is ready; with the C library before it, its malloc is used.
          LD_PRELOAD: `${library} libc.so.6`,
          FAKETIME_TIMESTAMP_FILE: this.#file,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
        },
      },
    );
  }

  static async start(): Promise<JumpingRedis> {
    const server = new JumpingRedis(await freePort(), libfaketime());
    const client = new Redis({ ...server.address, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    const giveUpAt = performance.now() + START_MS;
    while (performance.now() < giveUpAt) {
      const isThere = await client.connect().then(
        () => true,
        () => false,
      );
      client.disconnect();
      if (isThere) return server;
      await pause(50);
    }
    await server[Symbol.asyncDispose]();
    throw new Error(`The Redis server under libfaketime did not answer within ${START_MS} ms.`);
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** Moves the server's clock by so much, from one instant to the next. */
  jump(byMs: number): void {
    this.#aheadMs += byMs;
    const seconds = (this.#aheadMs / 1000).toFixed(3);
    writeFileSync(`${this.#file}.next`, `${this.#aheadMs < 0 ? '' : '+'}${seconds}\n`);
    // In one go: the server reads the file whenever it asks for the time.
    renameSync(`${this.#file}.next`, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return path.join(this.#folder, 'offset');
  }
}

/** Returns the path of the library. Installs it if possible. */
function libfaketime(): string {
  return find() ?? install() ?? missing();
}

function find(): string | undefined {
  const folders = FOLDERS.filter(existsSync).flatMap((folder) => [
    folder,
    ...readdirSync(folder, { withFileTypes: true }).map(({ name }) => path.join(folder, name)),
  ]);
  return folders
    .flatMap((folder) => [path.join(folder, LIBRARY), path.join(folder, 'faketime', LIBRARY)])
    .find((file) => existsSync(file));
}

function install(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const apt = (...args: readonly string[]) =>
    execFileSync('apt-get', ['-y', '-q', ...args], {
      stdio: 'ignore',
      timeout: 60_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  try {
    apt('update');
    apt('install', '--no-install-recommends', 'libfaketime');
  } catch {
    return undefined;
  }
  return find();
}

function missing(): never {
  throw new Error(
    `The tests of a server's clock that jumps need ${LIBRARY}: install libfaketime (Debian and Ubuntu: apt-get install libfaketime).`,
  );
}
