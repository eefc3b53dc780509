import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Charge, Outcome, Receipt } from '../../src/core/decision.js';
import type { Policy } from '../../src/core/policy.js';
import { calendarArguments } from '../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { freshPrefix, startRedis, type TestRedis } from '../support/redis/redis-shared.js';
import { scaled } from '../support/scale.js';
import { type Random, randomFrom, randomMode } from './random-trace.js';

const STEPS = Number(process.env.PARITY_STEPS ?? scaled(3000, 50_000));
const SEED = Number(process.env.PARITY_SEED ?? Date.now() % 1_000_000);
const STEPS_A_TRACE = 100;
const HOUR_MS = 3_600_000;
const LENGTHS = { hour: 1, day: 24, week: 7 * 24, month: 30 * 24, year: 365 * 24 } as const;
const UNITS = ['hour', 'day', 'week', 'month', 'year'] as const;
const ZONES = ['UTC', 'Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Pacific/Apia'];

function randomQuota(random: Random): { readonly policy: Policy; readonly lengthMs: number } {
  const unit = UNITS[random(UNITS.length)] ?? 'day';
  const limit = 1 + (random(4) === 0 ? random(1_000_000) : random(10));
  const policy = definePolicy('quota', {
    rate: `${limit}/${unit}`,
    strategy: 'calendar',
    timeZone: ZONES[random(ZONES.length)] ?? 'UTC',
    ...(random(2) === 0 && { rollover: random(limit + 1) }),
    ...(random(3) === 0 && { anchor: new Date(1_750_000_000_000 + random(1_000_000_000)) }),
    ...(random(2) === 0 && { thresholds: [0.5, 1] }),
  });
  return { policy, lengthMs: LENGTHS[unit] * HOUR_MS };
}

/** Mostly stays in the window or turns it; now and then skips some, or steps back. */
function randomMove(lengthMs: number, random: Random): number {
  const kind = random(12);
  if (kind === 0) return -random(lengthMs);
  if (kind === 1) return -random(3 * lengthMs);
  if (kind === 2) return random(4 * lengthMs);
  return kind < 7 ? 0 : random(Math.ceil(lengthMs / 3));
}

type Step =
  | {
      readonly at: number;
      readonly verb: 'spend' | 'peek';
      readonly charges: readonly Charge[];
      readonly answer: Outcome;
    }
  | { readonly at: number; readonly verb: 'settle'; readonly of: number; readonly costs: readonly number[] };

/** A random trace, and memory's answers: in one go, so that no sweep comes between steps of a clock that jumps. */
function traceInMemory(seed: number): readonly Step[] {
  const random = randomFrom(seed);
  const { policy, lengthMs } = randomQuota(random);
  const clock = new ManualClock(1_750_000_000_000 + random(1_000_000_000));
  const memory = new MemoryBackend({ clock });
  const steps: Step[] = [];
  const open: (readonly [step: number, receipt: Receipt])[] = [];
  while (steps.length < STEPS_A_TRACE) {
    clock.advance(randomMove(lengthMs, random));
    const at = clock.now();
    const [of, receipt] = (random(6) === 0 ? open.splice(random(open.length), 1)[0] : undefined) ?? [];
    if (of !== undefined && receipt !== undefined) {
      const costs = receipt.charges.map(({ cost }) => random(3 * cost + 1));
      memory.settle(receipt, costs);
      steps.push({ at, verb: 'settle', of, costs });
      continue;
    }
    // The caller is in another window now and then, or in one that is far away.
    const seen = at + (random(4) === 0 ? randomMove(2 * lengthMs, random) : 0);
    const args = calendarArguments(policy, seen);
    const charges = Array.from({ length: 1 + random(2) }, () => ({
      policy,
      subject: 'ada',
      cost: random(3) === 0 ? random(policy.burst + 2) : random(3),
      arguments: args,
      ...randomMode(random),
    }));
    const verb = random(8) === 0 ? 'peek' : 'spend';
    const answer = memory[verb](charges);
    if (answer.receipt !== undefined) open.push([steps.length, answer.receipt]);
    steps.push({ at, verb, charges, answer });
  }
  void memory.close();
  return steps;
}

/** Says where memory and Redis first differ; null if they do not. */
async function difference(seed: number, { client }: TestRedis): Promise<string | null> {
  const clock = new ManualClock();
  const redis = new RedisBackend(client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 });
  const receipts = new Map<number, Receipt>();
  for (const [i, step] of traceInMemory(seed).entries()) {
    clock.set(step.at);
    if (step.verb === 'settle') {
      const receipt = receipts.get(step.of);
      if (receipt !== undefined) await redis.settle(receipt, step.costs);
      continue;
    }
    const { verb, charges, answer } = step;
    const theirs = await redis[verb](charges);
    if (theirs.receipt !== undefined) receipts.set(i, theirs.receipt);
    const [expected, got] = [JSON.stringify(answer), JSON.stringify(theirs)];
    if (expected === got) continue;
    return `seed ${seed}, step ${i}: ${verb} ${JSON.stringify(charges)} at ${step.at}\nmemory ${expected}\nRedis  ${got}`;
  }
  await redis.close();
  return null;
}

describe('memory and Redis', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it(
    `decide alike to the byte over ${STEPS} random steps of calendar`,
    async () => {
      for (let done = 0; done < STEPS; done += STEPS_A_TRACE) {
        expect(await difference(SEED + done, redis)).toBeNull();
      }
    },
    120_000 + 10 * STEPS,
  );
});
