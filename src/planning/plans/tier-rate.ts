import { optionAt, ThrottleConfigError } from '../../core/errors.js';
import { parseRate, parseRateAt } from '../../core/rate.js';
import type { PolicyOptions } from '../../decorators/policy-options.js';
import { isCalendarRate } from '../../strategies/calendar/quota-options.js';
import type { PolicySpec } from '../../strategies/define-policy.js';
import type { TierOptions } from './plan-options.js';

/**
 * Returns the entry of a tier with the strategy of its policy. Without it, the unit of the tier's rate would decide
 * whether the policy is a calendar quota under this plan.
 *
 * @param place the tier's entry, for errors
 * @param name of the policy
 * @throws ThrottleConfigError for a rate that the policy's strategy cannot count
 */
export function atOwnStrategy(
  place: string,
  name: string,
  options: PolicyOptions,
  spec: TierOptions,
): TierOptions & Pick<PolicySpec, 'strategy'> {
  const strategy = strategyOf(options);
  if (strategy === undefined) return spec;
  const isQuota = strategy === 'calendar';
  const rates = parseRateAt(optionAt(place, 'rate'), spec.rate);
  if (rates.every((rate) => (isQuota ? isCalendarRate(rate) : rate.unit === undefined))) return { ...spec, strategy };
  const own = typeof options.rate === 'string' ? ` ("${options.rate}")` : '';
  throw new ThrottleConfigError(
    'SLUICE_CALENDAR_RATE',
    isQuota
      ? `${place}: "${spec.rate}" is not a rate of the calendar, but the policy "${name}"${own} is a quota. Write a rate per hour, day, week, month or year, or a separate policy.`
      : `${place}: "${spec.rate}" is a quota of the calendar, but the policy "${name}"${own} is not. Write a period of fixed length such as 30 days, or make the policy a quota, { strategy: "calendar" }.`,
  );
}

/** Returns the strategy of a policy, as given or implied by its rates; undefined if they leave it open. */
function strategyOf({ strategy, rate }: PolicyOptions): string | undefined {
  if (strategy !== undefined || typeof rate !== 'string') return strategy;
  const rates = parseRate(rate);
  if (rates.length === 0) return undefined;
  if (rates.every(({ unit }) => unit !== undefined)) return 'calendar';
  return rates.every(({ unit }) => unit === undefined) ? 'sliding-window' : undefined;
}
