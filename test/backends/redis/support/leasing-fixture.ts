import { beforeEach } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Charge } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { type OwnRedis, ownRedis } from '../../../support/redis/private-redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';
import { START } from '../../../support/start-time.js';

export const HOUR = 3_600_000;
export const policy = definePolicy('p', { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 100 } });
export const ada = (cost = 1, of = policy): Charge[] => [{ policy: of, subject: 'ada', cost }];

/** Backends that share a Redis, and an instant ten minutes into an hour, for each test anew. */
export class Leased {
  readonly redis: OwnRedis = ownRedis();
  clock = new ManualClock();
  prefix = '';

  constructor() {
    beforeEach(() => {
      this.clock = new ManualClock(Math.floor(START / HOUR) * HOUR + 600_000);
      this.prefix = freshPrefix();
    });
  }

  open(): RedisBackend {
    return new RedisBackend(this.redis.client, { clock: this.clock, prefix: this.prefix, timeoutMs: 30_000 });
  }

  /** Units that Redis has counted. */
  async used(subject = 'ada'): Promise<number> {
    return (await stateUnder(this.redis.client, `${this.prefix}:{${subject}}:${policy.id}`))?.numbers.at(-1) ?? 0;
  }

  /** Spends one by one until it is denied: how often it was not. */
  async drain(backend: RedisBackend): Promise<number> {
    for (let spent = 0; ; spent++) if (!(await backend.spend(ada())).allowed) return spent;
  }
}
