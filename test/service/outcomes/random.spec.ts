import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ChargeWhen, Decision } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { scaled } from '../../support/scale.js';
import { startContext } from '../../support/service-app.js';

const LIMIT = 20;
const job = { subject: 'job' };
const strategies = [
  'fixed-window',
  'sliding-window',
  'sliding-log',
  'token-bucket',
  'gcra',
  'leaky-bucket',
  'calendar',
] as const;

/** A run that is open: whether it fails is said when it ends. */
interface OpenRun {
  readonly end: (isFailure: boolean) => Promise<void>;
}

const rule = fc.oneof(
  fc.constantFrom('success' as const, 'failure' as const),
  // The result of the function.
  fc.boolean(),
  fc.nat({ max: 30 }),
  fc.constantFrom(Number.NaN, -1, 'yes'),
);
type Rule = 'success' | 'failure' | boolean | number | string;

const step = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), cost: fc.integer({ min: 1, max: 8 }), rule }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat(), isFailure: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 * 60_000 }) }),
  fc.record({ kind: fc.constant('hit' as const), cost: fc.integer({ min: 1, max: 8 }) }),
);

function chargeWhenOf(rule: Rule): ChargeWhen {
  return rule === 'success' || rule === 'failure' ? rule : ((() => rule) as () => boolean);
}

/** Returns the final cost of a run that took a number of units. */
function finalCost(taken: number, rule: Rule, isFailure: boolean): number {
  if (rule === 'success') return isFailure ? 0 : taken;
  if (rule === 'failure') return isFailure ? taken : 0;
  if (typeof rule === 'number' && Number.isSafeInteger(rule) && rule >= 0) return rule;
  return rule === false ? 0 : taken;
}

describe.each(strategies)('random runs under %s', (strategy) => {
  it('never leave more than a full limit, return more than was taken, or settle twice', async () => {
    const backend = new CountedBackend();
    const burst = strategy === 'gcra' ? { burst: LIMIT } : {};
    await using context = await startContext({
      backend,
      policies: { p: { rate: `${LIMIT}/hour`, strategy, ...burst } },
    });
    const { throttle } = context;
    const stat = async (): Promise<Decision> => {
      const decision = await throttle.stat('p', job);
      if (decision === null) throw new Error('nothing limits the job');
      return decision;
    };

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        await throttle.reset('p', job);
        const open: OpenRun[] = [];
        for (const one of steps) {
          const before = (await stat()).remaining;
          if (one.kind === 'wait') {
            backend.manual.advance(one.ms);
          } else if (one.kind === 'hit') {
            const { allowed } = await throttle.consume('p', one.cost, job);
            expect(allowed).toBe(one.cost <= before);
            expect((await stat()).remaining).toBe(allowed ? before - one.cost : before);
          } else if (one.kind === 'begin') {
            const run = await begin(one.cost, one.rule);
            expect(run !== undefined).toBe(one.cost <= before);
            if (run !== undefined) open.push(run);
          } else {
            const [run] = open.splice(one.which % Math.max(1, open.length), 1);
            await run?.end(one.isFailure);
          }
          expect((await stat()).remaining).toBeLessThanOrEqual(LIMIT);
        }
        for (const run of open) await run.end(true);
        expect((await stat()).remaining).toBeLessThanOrEqual(LIMIT);
      }),
      { numRuns: scaled(15, 1000) },
    );

    async function begin(cost: number, rule: Rule): Promise<OpenRun | undefined> {
      let fail: (isFailure: boolean) => void = () => {};
      const isFailure = new Promise<boolean>((resolve) => {
        fail = resolve;
      });
      let hasBegun = false;
      const options = { ...job, cost, chargeWhen: chargeWhenOf(rule) };
      const run = throttle
        .run('p', options, async () => {
          hasBegun = true;
          if (await isFailure) throw new Error('failed');
        })
        .catch(() => {});
      // With a backend in memory a run begins, or is denied, at once, unless it is delayed.
      for (let turn = 0; turn < 20 && !hasBegun; turn++) await Promise.resolve();
      if (!hasBegun && backend.manual.waiting > 0) {
        backend.manual.advance(60 * 60_000);
        for (let turn = 0; turn < 20 && !hasBegun; turn++) await Promise.resolve();
      }
      if (!hasBegun) return undefined;
      return {
        end: async (failed) => {
          const before = (await stat()).remaining;
          const settlements = backend.settled.length;
          fail(failed);
          await run;
          const after = (await stat()).remaining;
          const final = finalCost(cost, rule, failed);
          expect(after - before).toBeLessThanOrEqual(Math.max(0, cost - final));
          if (final >= cost) expect(after).toBeLessThanOrEqual(before);
          else expect(after).toBeGreaterThanOrEqual(before);
          expect(backend.settled.length - settlements).toBe(final === cost ? 0 : 1);
        },
      };
    }
  });
});
