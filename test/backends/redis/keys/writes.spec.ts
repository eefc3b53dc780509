import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Charge } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { strategies } from '../../../parity/random-trace.js';
import { askUntil, PATIENT_MS } from '../../../support/redis/faults.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { scaled } from '../../../support/scale.js';

const CALLS = scaled(2000, 10_000);
const READS = scaled(100, 500);

/** Writes go to a replica, and the offset of the master counts their bytes. Pings are disabled. */
describe('the replication stream of a master', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let redis: Redis;
  let backend: RedisBackend;
  const clock = new ManualClock(Date.UTC(2026, 0, 1) + 123_456);

  beforeAll(async () => {
    master = await RedisServer.start(['--repl-ping-replica-period', '3600', '--repl-diskless-sync-delay', '0']);
    replica = await RedisServer.start(['--replicaof', '127.0.0.1', String(master.port)]);
    redis = await connect(master);
    await askUntil(
      () => redis.info('replication'),
      (info) => info.includes('state=online'),
    );
  });

  afterAll(async () => {
    redis.disconnect();
    await master[Symbol.asyncDispose]();
    await replica[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await redis.flushall();
    backend = new RedisBackend(redis, { clock, timeoutMs: PATIENT_MS });
  });

  afterEach(() => backend.close());

  async function offset(): Promise<number> {
    const found = /master_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1];
    return found === undefined ? Number.NaN : Number(found);
  }

  /** Returns the bytes that the master sends for a number of concurrent calls. */
  async function sentBy(call: () => unknown, times = 1): Promise<number> {
    const before = await offset();
    for (let done = 0; done < times; done += 500) await Promise.all(Array.from({ length: Math.min(times, 500) }, call));
    return (await offset()) - before;
  }

  it('has a charge of a long log without the whole log', async () => {
    const policy = definePolicy('log', { rate: '10000/h', strategy: 'sliding-log' });
    const charges = [{ policy, subject: 'ada', cost: 1 }];
    const lua = `local parts = { struct.pack('<c4I7I7I7I7', '\\163S2l', 2^52, 5000, 0, 0) }
      for i = 1, 5000 do parts[#parts + 1] = struct.pack('<I7I7', ARGV[1] - 10000 + i, i) end
      redis.call('SET', KEYS[1], table.concat(parts), 'PX', '9999999999')`;
    await redis.eval(lua, 1, `sluice:{ada}:${policy.id}`, clock.now());
    expect((await backend.peek(charges)).decisions[0]?.remaining).toBe(4999);
    const bytes = [];
    for (let i = 0; i < 20; i++) {
      bytes.push(await sentBy(() => backend.spend(charges)));
      clock.advance(1);
    }
    expect((await backend.peek(charges)).decisions[0]?.remaining).toBe(4979);
    // The head and one entry, as two commands of a transaction.
    expect(Math.max(...bytes)).toBeLessThan(600);
  });

  describe.each(strategies)('%s', (strategy) => {
    const policy = (name: string, limit: number) =>
      definePolicy(name, { rate: `${limit}/h`, strategy, ...(strategy === 'gcra' && { burst: limit }) });
    const tight = { policy: policy('tight', 3), subject: 'ada', cost: 1 };
    const open = { policy: policy('open', 1_000), subject: 'ada', cost: 1 };
    const allowed = async (charges: readonly Charge[]) => (await backend.spend(charges)).allowed;

    it('has bytes for an allowed call, and none for thousands of denied calls after it', async () => {
      expect(await sentBy(() => backend.spend([tight, open]))).toBeGreaterThan(0);
      expect(await allowed([{ ...tight, cost: 2 }])).toBe(true);
      const calls = [[tight], [tight, open], [open, tight], [{ ...open, cost: 2000 }]];
      for (const charges of calls) {
        expect(await allowed(charges)).toBe(false);
        expect(await sentBy(() => backend.spend(charges), CALLS / calls.length)).toBe(0);
      }
    });

    it('has none for a peek, a cost of 0, and a receipt that is settled at the same cost or too late', async () => {
      const { receipt } = await backend.spend([open, tight]);
      if (receipt === undefined) throw new Error('nothing was taken');
      expect(await sentBy(() => backend.peek([open, { ...tight, cost: 2 }]), READS)).toBe(0);
      expect(await sentBy(() => backend.peek([{ ...tight, cost: 3 }]), READS)).toBe(0);
      expect(await sentBy(() => backend.spend([open, tight].map((charge) => ({ ...charge, cost: 0 }))), READS)).toBe(0);
      expect(await sentBy(() => backend.settle(receipt, [1, 1]))).toBe(0);
      const { receipt: second = receipt } = await backend.spend([open, tight]);
      expect(await sentBy(() => backend.settle(second, [0, 1]))).toBeGreaterThan(0);
      const { receipt: last = receipt } = await backend.spend([open, tight]);
      await backend.reset([open, tight]);
      expect(await sentBy(() => backend.settle(last, [0, 0]))).toBe(0);
    });
  });
});
