import { ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import type { ConcurrencyOptions, QueueOptions } from '../../decorators/concurrency-options.js';
import { type PolicyOptions, RATE_MEMBERS } from '../../decorators/policy-options.js';
import { defineConcurrency } from '../../strategies/held/define-held-policy.js';
import { type DeclaredLimit, nameOf } from '../declared-limits.js';
import { fixedPolicies, type PolicySource } from '../policy-source.js';
import type { ModeSource } from '../runtime/mode-source.js';

/** The parts of a concurrency limit that are not in its policy. */
export interface ConcurrencyRules {
  /** Milliseconds after which the permits of a process that has crashed are free again. */
  readonly ttlMs: number;
  /** Undefined: a call is denied at once if no permit is free. */
  readonly queue: QueueOptions | undefined;
  /** The status of a denied request. */
  readonly status: 429 | 503;
}

const DEFAULT_TTL_MS = 30_000;

/** The options of a limit that do not apply to its concurrency. */
const OF_RATE: ReadonlySet<string> = new Set(['rate', 'unit', ...RATE_MEMBERS]);

/** Splits a declared limit into its rate and its concurrency, which are compiled separately. */
export function partsOf(declared: DeclaredLimit): readonly DeclaredLimit[] {
  const { concurrency, ...others } = declared.options;
  const { rate } = others;
  if (concurrency === undefined || rate === undefined) return [declared];
  const shared = Object.fromEntries(Object.entries(others).filter(([member]) => !OF_RATE.has(member)));
  const { tiers: _, ...withoutPlans } = declared;
  return [
    { ...declared, options: { ...others, rate } },
    { ...withoutPlans, isBesideRate: true, options: { ...shared, name: nameOf(declared), concurrency } },
  ];
}

/** Returns the option `concurrency` of a limit in its object form. */
export function concurrencyOf({ concurrency = 0 }: PolicyOptions): ConcurrencyOptions {
  return typeof concurrency === 'number' ? { limit: concurrency } : concurrency;
}

export function rulesOf({ ttlMs = DEFAULT_TTL_MS, queue, status = 429 }: ConcurrencyOptions): ConcurrencyRules {
  return { ttlMs, queue, status };
}

/** Returns the policy source of a concurrency limit. @throws ThrottleConfigError if a plan sets its rate */
export function permitSource(declared: DeclaredLimit, scope: string, mode: ModeSource): PolicySource {
  const { options, isBesideRate, tiers, runtime } = declared;
  const { unit, headers, onError } = options;
  const [tier] = tiers?.entries.values() ?? [];
  if (tier !== undefined) throw hasNoRate(tier.place);
  const name = nameOf(declared);
  const policy = defineConcurrency(isBesideRate === true ? `${name}-concurrency` : name, concurrencyOf(options).limit, {
    scope,
    ...(unit !== undefined && { unit }),
    ...(headers !== undefined && { headers }),
    ...(onError !== undefined && { onError }),
  });
  const policies: readonly Policy[] = [policy];
  const source = fixedPolicies(policies, mode);
  const atRate = () => {
    // Changing the rate of the limit does not change its permits.
    if (isBesideRate === true) return policies;
    throw hasNoRate(declared.place);
  };
  runtime?.track({ own: source, source, atRate });
  return source;
}

function hasNoRate(place: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_FIXED_RATE',
    `${place}: the policy limits only how many calls run at a time, so it has no rate to change. Add a rate to it, or a separate policy with a rate.`,
  );
}
