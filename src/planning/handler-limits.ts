import { suggest, ThrottleConfigError } from '../core/errors.js';
import { DEFAULT_NAME } from '../core/policy.js';
import { userPathsOf } from '../transports/identity/user-lookup.js';
import { assertDistinct, type CompiledLimit, compileLimit, type HandlerIdentity } from './compiled-limit.js';
import { type Declarations, declarationsOfClass, declarationsOfMethod } from './declared-limits.js';
import type { PolicyRegistry } from './policy-registry.js';

/** What a handler is charged: worked out once, at boot. */
export interface HandlerLimits {
  readonly handler: HandlerIdentity;
  /** `ReportsController.list` */
  readonly label: string;
  /** Charged by the guard. */
  readonly guarded: readonly CompiledLimit[];
  /** Charged by `hit()` without a policy: those written on the method, failing those on the class; the manual ones, if any. */
  readonly own: readonly CompiledLimit[];
  /** Members of the request that name a user, for limits by user. */
  readonly userPaths: readonly (readonly string[])[];
}

type Class = abstract new (...args: never[]) => unknown;

/** Works out the plan of a handler from what is written in the module, on its class, and on its method. */
export function compileHandlerLimits(
  type: Class,
  method: string,
  handler: HandlerIdentity,
  registry: PolicyRegistry,
): HandlerLimits {
  const module: Declarations = {
    limits: registry.defaults,
    skipsAll: false,
    skips: [],
    connections: undefined,
    label: 'in the module',
  };
  let limits: readonly CompiledLimit[] = [];
  for (const place of [module, ...declarationsOfClass(type, registry), declarationsOfMethod(type, method, registry)]) {
    limits = applied(limits, place, handler, registry);
  }
  const guarded = limits.filter(({ manual, policies }) => !manual && policies.length > 0);
  return {
    handler,
    label: `${type.name}.${method}`,
    guarded,
    own: ownOf(limits),
    userPaths: guarded.flatMap(({ by }) => userPathsOf(by)),
  };
}

/** The limits that apply when a nearer place has spoken: its own, and of the farther ones what it neither skips nor replaces. */
function applied(
  farther: readonly CompiledLimit[],
  place: Declarations,
  handler: HandlerIdentity,
  registry: PolicyRegistry,
): readonly CompiledLimit[] {
  const own = place.limits.map((written) => compileLimit(written, handler, registry.strategies));
  assertDistinct(own);
  registry.claim(own);
  const known = [...new Set([DEFAULT_NAME, ...registry.names, ...farther.map(({ name }) => name)])];
  const unknown = place.skips.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ThrottleConfigError(
      `@SkipThrottle("${unknown}") ${place.label}: no policy of that name.${suggest(unknown, known)}`,
    );
  }
  const kept = farther.filter(
    ({ name }) => !place.skipsAll && !place.skips.includes(name) && !own.some((nearer) => nearer.name === name),
  );
  return [...kept, ...own];
}

function ownOf(limits: readonly CompiledLimit[]): readonly CompiledLimit[] {
  const onMethod = limits.filter(({ level }) => level === 'method');
  const own = onMethod.length > 0 ? onMethod : limits.filter(({ level }) => level === 'class');
  const manual = own.filter((limit) => limit.manual);
  return manual.length > 0 ? manual : own;
}
