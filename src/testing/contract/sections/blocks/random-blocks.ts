import assert from 'node:assert/strict';
import type { Charge, Decision } from '../../../../core/decision.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import type { Bench } from '../../harness/bench.js';
import { checkRandomCases, type Random, shorterLists } from '../../harness/random.js';
import type { Suite } from '../../harness/suite.js';
import { START_MS } from './block-case.js';

const PERIOD_MS = 1000;

/** A fixed-window limit with blocks. All times are in milliseconds. */
interface Rules {
  readonly limit: number;
  readonly forMs: number;
  readonly after: number;
  readonly escalate: readonly number[];
  readonly forgetMs: number;
}

type Step =
  | { readonly kind: 'call'; readonly costs: readonly number[]; readonly peeks: boolean }
  | { readonly kind: 'block'; readonly ms: number }
  | { readonly kind: 'free' | 'reset' };

interface Scene {
  readonly rules: readonly Rules[];
  readonly steps: readonly { readonly later: number; readonly step: Step }[];
}

const rulesOf = (random: Random): Rules => {
  const forMs = random.integer(1, 3000);
  const escalate = [...random.list(1, 3, () => random.integer(1, 3))].sort((a, b) => a - b);
  const longestMs = forMs * Math.max(...escalate);
  const forgetMs = random.integer(longestMs + 1, longestMs + 3000);
  return { limit: random.integer(1, 4), forMs, after: random.integer(1, 3), escalate, forgetMs };
};

const stepOf = (random: Random): Step => {
  const kind = random.integer(0, 19);
  if (kind === 0) return { kind: 'block', ms: random.integer(1, 4000) };
  if (kind === 1) return { kind: 'free' };
  if (kind <= 3) return { kind: 'reset' };
  return { kind: 'call', costs: random.list(1, 2, () => random.integer(0, 5)), peeks: random.integer(0, 4) === 0 };
};

const sceneOf = (random: Random): Scene => ({
  rules: [rulesOf(random), rulesOf(random)],
  steps: random.list(5, 40, () => ({ later: random.edgy(0, 1500), step: stepOf(random) })),
});

/** A model of one budget that follows the documentation: arrays of instants, and no state of a backend. */
class BudgetModel {
  #taken: { readonly at: number; readonly units: number }[] = [];
  /** The denials since the last admitted charge or block. */
  #row: number[] = [];
  #strikes: number[] = [];
  blockedUntil = 0;

  constructor(private readonly rules: Rules) {}

  isBlocked(now: number): boolean {
    return now < this.blockedUntil;
  }

  fits(now: number, cost: number): boolean {
    return cost === 0 || (!this.isBlocked(now) && cost <= this.#left(now));
  }

  take(now: number, cost: number): void {
    if (cost === 0) return;
    this.#taken.push({ at: now, units: cost });
    this.#row = [];
  }

  /** Counts a denial. Returns the length of the block that it begins, or 0. */
  deny(now: number, cost: number): number {
    const { limit, after, escalate, forMs, forgetMs } = this.rules;
    if (this.isBlocked(now) || cost > limit) return 0;
    const last = this.#row.at(-1);
    if (last !== undefined && now - last >= forgetMs) this.#row = [];
    this.#row.push(now);
    if (this.#row.length < after) return 0;
    const lastStrike = this.#strikes.at(-1);
    if (lastStrike !== undefined && now - lastStrike >= forgetMs) this.#strikes = [];
    const lengthMs = forMs * (escalate[this.#strikes.length] ?? escalate.at(-1) ?? 1);
    this.#strikes.push(now);
    this.#row = [];
    this.blockedUntil = now + lengthMs;
    return lengthMs;
  }

  block(now: number, ms: number): void {
    this.blockedUntil = now + ms;
    this.#row = [];
  }

  free(): void {
    [this.#row, this.#strikes, this.blockedUntil] = [[], [], 0];
  }

  reset(): void {
    this.free();
    this.#taken = [];
  }

  /** Returns the expected decision. */
  decision(now: number, cost: number, isDenied: boolean, startedMs: number): Partial<Decision> {
    const { limit } = this.rules;
    const leftMs = (Math.floor(now / PERIOD_MS) + 1) * PERIOD_MS - now;
    const blockedMs = Math.max(0, this.blockedUntil - now);
    const remaining = blockedMs > 0 ? 0 : this.#left(now);
    const used = limit - this.#left(now);
    const resetMs = Math.max(blockedMs, used > 0 ? leftMs : 0);
    if (!isDenied) return { allowed: true, remaining, resetMs, retryAfterMs: 0 };
    const waitMs = cost > this.#left(now) ? leftMs : 0;
    return {
      allowed: false,
      remaining,
      resetMs,
      retryAfterMs: cost > limit ? null : Math.max(blockedMs, waitMs),
      reason: blockedMs > 0 ? 'blocked' : 'rate',
      ...(startedMs > 0 && { startedBlock: { forMs: startedMs, strikes: this.#strikes.length } }),
    };
  }

  copy(): BudgetModel {
    const copy = new BudgetModel(this.rules);
    copy.#taken = [...this.#taken];
    copy.#row = [...this.#row];
    copy.#strikes = [...this.#strikes];
    copy.blockedUntil = this.blockedUntil;
    return copy;
  }

  #left(now: number): number {
    const start = Math.floor(now / PERIOD_MS) * PERIOD_MS;
    return this.#taken.reduce((left, { at, units }) => (at >= start ? left - units : left), this.rules.limit);
  }
}

/** Compares blocks with a model. */
export function randomBlocks(suite: Suite<Bench>): void {
  suite.case('blocks behave like a model that follows their documentation', (bench) =>
    checkRandomCases({
      make: sceneOf,
      check: checkOf(bench),
      simpler: (scene) => shorterLists(scene.steps).map((steps) => ({ ...scene, steps })),
      runs: bench.runs(4000),
      seed: bench.seed,
    }),
  );
}

function checkOf({ open }: Bench): (scene: Scene) => Promise<void> {
  const opening = open(START_MS);
  let scenes = 0;
  return async ({ rules, steps }) => {
    const { backend, clock } = await opening;
    const { blocks } = backend;
    if (blocks === undefined) return;
    const subject = `ada ${scenes++}`;
    const policies = rules.map(({ limit, forMs, after, escalate, forgetMs }, i) =>
      definePolicy(`p${i}`, {
        rate: `${limit}/${PERIOD_MS}ms`,
        strategy: 'fixed-window',
        block: { for: `${forMs}ms`, after, escalate, forgetAfter: `${forgetMs}ms` },
      }),
    );
    let models = rules.map((one) => new BudgetModel(one));
    const [first] = policies;
    assert.ok(first);
    for (const [i, { later, step }] of steps.entries()) {
      clock.advance(later);
      const now = clock.now();
      if (step.kind === 'call') {
        const charges = step.costs.flatMap((cost, n): readonly Charge[] => {
          const policy = policies[n];
          return policy === undefined ? [] : [{ policy, subject, cost }];
        });
        const { after, decisions } = answer(models, charges, now);
        const outcome = step.peeks ? await backend.peek(charges) : await backend.spend(charges);
        assert.deepEqual({ i, decisions: outcome.decisions.map(comparable) }, { i, decisions });
        if (!step.peeks) models = after;
        continue;
      }
      const model = models[0];
      if (step.kind === 'block') {
        model?.block(now, step.ms);
        assert.equal((await blocks.setBlock({ policy: first, subject }, step.ms)).expiresAt, now + step.ms);
      } else if (step.kind === 'free') {
        assert.equal(await blocks.deleteBlock({ policy: first, subject }), model?.isBlocked(now));
        model?.free();
      } else {
        await backend.reset([{ policy: first, subject }]);
        model?.reset();
      }
    }
  };
}

/** Returns the models after a call, and the expected decisions. */
function answer(models: readonly BudgetModel[], charges: readonly Charge[], now: number) {
  const after = models.map((model) => model.copy());
  const denied = charges.map(({ cost }, i) => models[i]?.fits(now, cost) === false);
  const isAllowed = !denied.includes(true);
  const decisions = charges.map(({ cost }, i) => {
    const model = after[i];
    const isDenied = denied[i] === true;
    const startedMs = isDenied ? model?.deny(now, cost) : 0;
    if (isAllowed) model?.take(now, cost);
    return model?.decision(now, cost, isDenied, startedMs ?? 0);
  });
  return { after, decisions };
}

function comparable(decision: Decision): Partial<Decision> {
  const { allowed, remaining, resetMs, retryAfterMs, reason, startedBlock } = decision;
  const more = { ...(reason !== undefined && { reason }), ...(startedBlock !== undefined && { startedBlock }) };
  return { allowed, remaining, resetMs, retryAfterMs, ...more };
}
