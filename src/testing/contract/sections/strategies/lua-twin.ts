import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../../backends/backend.js';
import { MemoryBackend } from '../../../../backends/memory/memory.backend.js';
import type { RedisClient } from '../../../../backends/redis/clients/redis-client.js';
import { RedisBackend } from '../../../../backends/redis/redis.backend.js';
import { ManualClock } from '../../../../core/clock.js';
import type { Charge, Outcome, Receipt } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../../strategies/built-in-strategies.js';
import type { Strategy } from '../../../../strategies/strategy.js';
import type { Scene, StrategyBench } from '../../harness/strategy-bench.js';
import type { Suite } from '../../harness/suite.js';
import { after, costOf } from '../../harness/traffic.js';

/** One call of a trace, and the result in memory. */
type Step =
  | { readonly at: number; readonly asked: Pick<Charge, 'cost' | 'mode'>; readonly outcome: Outcome }
  | { readonly at: number; readonly settles: number; readonly to: number };

const SUBJECT = 'contract';
/** Long, because a test machine may be busy. */
const TIMEOUT_MS = 30_000;

/** The Lua twin of a strategy agrees with its TypeScript. */
export function luaTwin(suite: Suite<StrategyBench>, client: RedisClient): void {
  suite.case(
    'decides in Redis as in memory, to the bit, through refunds, debts and clocks that step back',
    async (bench) => {
      const run = randomUUID().slice(0, 8);
      const clock = new ManualClock();
      const redis = new RedisBackend(client, {
        clock,
        prefix: `sluice-test:${run}`,
        timeoutMs: TIMEOUT_MS,
        denyMemoryMs: 0,
      });
      teach(redis, bench.strategy);
      let scenes = 0;
      try {
        await bench.always(
          async (scene) => {
            const subject = `${SUBJECT} ${scenes++}`;
            await replay(traceInMemory(scene, bench.strategy), { redis, clock, scene, subject });
            await redis.reset([{ policy: scene.policy, subject }]);
          },
          { times: 1 / 3 },
        );
      } finally {
        await redis.close();
      }
    },
  );
}

function teach(backend: Backend, strategy: Strategy): void {
  if (!BUILT_IN_STRATEGIES.includes(strategy)) backend.use?.([strategy]);
}

/** Runs a trace synchronously, so that memory sweeps nothing between steps of a clock that jumps. */
function traceInMemory({ policy, start, moves }: Scene, strategy: Strategy): readonly Step[] {
  const clock = new ManualClock(start);
  const memory = new MemoryBackend({ clock });
  teach(memory, strategy);
  const steps: Step[] = [];
  const open: number[] = [];
  const canRecord = isRecordable(policy, memory);
  let last: Outcome | undefined;
  for (const move of moves) {
    clock.set(after(clock.now(), move, policy, last?.decisions[0]));
    const at = clock.now();
    if (move.ask === 'refund') {
      const [settles] = open.splice(move.part % Math.max(1, open.length), 1);
      const step = settles === undefined ? undefined : steps[settles];
      if (settles === undefined || step === undefined || !('outcome' in step)) continue;
      const { cost } = step.asked;
      const to = move.part % 4 === 0 ? cost + move.part : Math.floor((cost * move.part) / 1001);
      if (step.outcome.receipt !== undefined) memory.settle(step.outcome.receipt, [to]);
      steps.push({ at, settles, to });
      continue;
    }
    const current = memory.peek([{ policy, subject: SUBJECT, cost: 0 }]).decisions[0];
    const cost = current === undefined ? 0 : costOf(move, current);
    const asked = cost > 0 && move.part % 8 === 1 && canRecord ? ({ cost, mode: 'record' } as const) : { cost };
    last = memory.spend([{ policy, subject: SUBJECT, ...asked }]);
    if (last.receipt !== undefined) open.push(steps.length);
    steps.push({ at, asked, outcome: last });
  }
  void memory.close();
  return steps;
}

/** Returns true if a strategy counts recorded charges. A backend refuses to record with a strategy that does not. */
function isRecordable(policy: Policy, memory: MemoryBackend): boolean {
  try {
    memory.spend([{ policy, subject: `${SUBJECT} of records`, cost: 1, mode: 'record' }]);
    return true;
  } catch {
    return false;
  }
}

interface Replay {
  readonly redis: RedisBackend;
  readonly clock: ManualClock;
  readonly scene: Scene;
  readonly subject: string;
}

async function replay(steps: readonly Step[], { redis, clock, scene: { policy }, subject }: Replay): Promise<void> {
  const receipts = new Map<number, Receipt>();
  for (const [i, step] of steps.entries()) {
    clock.set(step.at);
    if ('settles' in step) {
      const receipt = receipts.get(step.settles);
      if (receipt !== undefined) await redis.settle(receipt, [step.to]);
      continue;
    }
    const { receipt, ...outcome } = await redis.spend([{ policy, subject, ...step.asked }]);
    const { receipt: _, ...expected } = step.outcome;
    assert.deepEqual(outcome, expected, `step ${i}, ${step.asked.cost} units at ${step.at}: Redis differs from memory`);
    if (receipt !== undefined) receipts.set(i, receipt);
  }
}
