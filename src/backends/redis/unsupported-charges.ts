import { isPlain } from '../../core/charge-checks.js';
import { type Charge, isCost, type Receipt } from '../../core/decision.js';
import { ThrottleConfigError } from '../../core/errors.js';
import { argumentCountOf, type Strategy } from '../../strategies/strategy.js';

/** Throws for a charge that the scripts do not decide: monitored, recorded, with arguments or overrides. */
export function assertSupported(charge: Charge): void {
  if (isPlain(charge)) return;
  throw new ThrottleConfigError(
    `a charge of "${charge.policy.name}": RedisBackend decides charges without \`mode\`, \`arguments\` and \`overriddenBy\` only. Leave them out, or use another backend.`,
  );
}

/** Throws for a strategy that takes arguments, which the scripts do not hand to it. */
export function assertNoArguments(strategies: readonly Strategy[]): void {
  const needy = strategies.find((strategy) => argumentCountOf(strategy) > 0);
  if (needy === undefined) return;
  throw new ThrottleConfigError(
    `RedisBackend: the strategy "${needy.name}" takes ${argumentCountOf(needy)} arguments, which RedisBackend does not send. Use another backend.`,
  );
}

/** Throws for a settlement above what was taken, which the scripts do not record. */
export function assertLowerCosts({ charges }: Receipt, costs: readonly number[]): void {
  charges.forEach(({ policy, cost }, i) => {
    const to = costs[i] ?? cost;
    if (!isCost(to) || to <= cost) return;
    throw new ThrottleConfigError(
      `settle: RedisBackend settles a charge of "${policy.name}" at ${cost} units or less, got ${to}. Use another backend to record more.`,
    );
  });
}
