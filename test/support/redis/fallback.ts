import type { Redis } from 'ioredis';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import type { OnError, Policy } from '../../../src/core/policy.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { START } from '../start-time.js';
import { askUntil, PATIENT_MS } from './faults.js';
import { connect, RedisServer } from './redis.js';
import { freshPrefix } from './redis-shared.js';

/** A process of a fleet on one Redis. All processes use a clock that the test moves. */
export interface Process {
  readonly backend: ResilientBackend;
  readonly client: Redis;
  readonly events: readonly BackendEvent[];
}

/** A server, and processes that fall back if it does not respond. */
export class Fleet {
  readonly clock = new ManualClock(START);
  readonly #processes: Process[] = [];

  private constructor(
    readonly server: RedisServer,
    private readonly prefix: string,
  ) {}

  static async start(): Promise<Fleet> {
    return new Fleet(await RedisServer.start(), freshPrefix());
  }

  async process(onError: OnError = 'local', timeoutMs = PATIENT_MS): Promise<Process> {
    const client = await connect(this.server);
    const options = { prefix: this.prefix, timeoutMs, clock: this.clock };
    const backend = new ResilientBackend(new RedisBackend(client, options), onError);
    const events: BackendEvent[] = [];
    backend.listen((event) => events.push(event));
    const process = { client, backend, events };
    this.#processes.push(process);
    return process;
  }

  /** Thaws the server, or starts it again, and waits until a process uses it again. */
  async recover({ backend, events }: Process, isKilled = false): Promise<void> {
    if (isKilled) await this.server.start();
    else this.server.thaw();
    const probe = { policy: definePolicy('recovery', '1000000/h'), subject: 'nobody', cost: 1 };
    await askUntil(
      () => backend.spend([probe]),
      ({ degraded }) => degraded === undefined && backend.retryAfterMs === 0,
    );
    if (!events.some(({ type }) => type === 'degraded')) throw new Error('there was no outage');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.thaw();
    for (const { backend, client } of this.#processes) {
      await backend.close();
      client.disconnect();
    }
    await this.server[Symbol.asyncDispose]();
  }
}

export const on = (policy: Policy, cost = 1, subject = 'ada'): Charge => ({ policy, subject, cost });
