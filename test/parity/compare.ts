import type { Redis } from 'ioredis';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Charge, Outcome } from '../../src/core/decision.js';
import {
  randomCost,
  randomFrom,
  randomMode,
  randomMove,
  randomPolicy,
  type StrategyName,
  strategies,
} from './random-trace.js';

type Step =
  | { readonly at: number; readonly verb: 'spend' | 'peek'; readonly charges: readonly Charge[] }
  | { readonly at: number; readonly verb: 'settle'; readonly of: number; readonly costs: readonly number[] };

interface Trace {
  readonly steps: readonly Step[];
  /** The results in memory, one per step. */
  readonly answers: readonly (Outcome | undefined)[];
}

/** A random trace, and memory's answers: in one go, so that no sweep comes between steps of a clock that jumps. */
function traceInMemory(strategy: StrategyName, seed: number, length: number): Trace {
  const random = randomFrom(seed);
  const clock = new ManualClock(1_750_000_000_000 + random(1_000_000_000));
  const memory = new MemoryBackend({ clock });
  const policy = randomPolicy(strategy, `${strategy}-${seed}`, random);
  const others = ['a', 'b'].map((name) =>
    randomPolicy(strategies[random(strategies.length)] ?? strategy, `${strategy}-${seed}-${name}`, random),
  );
  const steps: Step[] = [];
  const answers: (Outcome | undefined)[] = [];
  const open: number[] = [];
  for (let i = 0; i < length; i++) {
    clock.advance(randomMove(policy, random));
    const at = clock.now();
    const of = random(10) === 0 ? open.splice(random(open.length), 1)[0] : undefined;
    const receipt = of === undefined ? undefined : answers[of]?.receipt;
    if (of !== undefined && receipt !== undefined) {
      const times = 1 + random(3);
      const costs = receipt.charges.map(({ cost }) => random(times * cost + 1));
      memory.settle(receipt, costs);
      steps.push({ at, verb: 'settle', of, costs });
      answers.push(undefined);
      continue;
    }
    // Several charges are mostly by several policies; now and then by one, and then often on one budget.
    const hasOthers = random(3) > 0;
    const charges = Array.from({ length: [1, 1, 1, 1, 2, 3][random(6)] ?? 1 }, (_, n) => {
      const asked = (hasOthers ? others[n - 1] : undefined) ?? policy;
      const subject = random(4) === 0 ? 'another' : 'one';
      return { policy: asked, subject, cost: randomCost(asked, random), ...randomMode(random) };
    });
    const verb = random(10) === 0 ? 'peek' : 'spend';
    const answer = memory[verb](charges);
    if (answer.receipt !== undefined) open.push(i);
    steps.push({ at, verb, charges });
    answers.push(answer);
  }
  void memory.close();
  return { steps, answers };
}

/** Runs one random trace in memory and in Redis, and says where they first differ. */
export async function compare(
  strategy: StrategyName,
  seed: number,
  length: number,
  client: Redis,
): Promise<string | null> {
  const { steps, answers } = traceInMemory(strategy, seed, length);
  const clock = new ManualClock();
  const redis = new RedisBackend(client, { clock, timeoutMs: 30_000 });
  const theirs: (Outcome | undefined)[] = [];
  for (const [i, step] of steps.entries()) {
    clock.set(step.at);
    if (step.verb === 'settle') {
      const receipt = theirs[step.of]?.receipt;
      if (receipt !== undefined) await redis.settle(receipt, step.costs);
      theirs.push(undefined);
      continue;
    }
    theirs.push(await redis[step.verb](step.charges));
    const [expected, got] = [JSON.stringify(answers[i]), JSON.stringify(theirs[i])];
    if (expected === got) continue;
    return `${strategy}, seed ${seed}, step ${i}: ${JSON.stringify(step)}\nmemory ${expected}\nRedis  ${got}`;
  }
  await redis.close();
  return null;
}
