import { ThrottleConfigError } from '../core/errors.js';
import type { Checked } from '../core/literals/checked-options.js';
import type { LimitName } from '../core/literals/policy-name.js';
import type { CostOf } from '../transports/call.js';
import type { CheckedMore, CheckedWhat } from './checked-limit.js';
import { addMetadata, type ThrottleMetadata } from './metadata.js';
import { warnWithoutRoot } from './missing-root.js';
import type { MoreOptions, What } from './policy-options.js';

/** A rate or a policy, and optionally a cost or options. */
type ThrottleArguments = readonly [what: What, more?: More];

/** The second argument: a cost, or options. */
type More = number | CostOf | MoreOptions;

/**
 * Limits a class (one budget, shared by its handlers) or a method. You can apply it several times; a call is charged
 * under all limits or under none. An unnamed limit on a method replaces that of its class, which replaces the module's
 * `default`. A named limit applies in addition, and replaces only a limit of the same name at an outer level.
 *
 * A mistake stops startup with a ThrottleConfigError that names the decorated class or method. The compiler rejects a
 * misspelt rate, strategy or option and, once `PolicyNames` has members, an unknown policy name.
 *
 * @param what a rate, the name of a policy of the module, options, or an array of these
 * @example
 * @Throttle('10/s; 200/hour') @Get() list() {}
 * @Throttle('search')         @Get('q') search() {}
 */
export function Throttle<const W extends What>(what: Checked<W, CheckedWhat<W>>): ClassDecorator & MethodDecorator;
/**
 * Limits a class or a method, with a cost or options in addition to the rate or the policy.
 *
 * @param what a rate, the name of a policy of the module, options, or an array of these
 * @param more the cost of a call in units, a function of the call that returns it, or options
 * @example
 * @Throttle('1000/min', 5)                    @Get('pdf') pdf() {}
 * @Throttle('search', { by: by.user() })      @Get('q') search() {}
 */
export function Throttle<const W extends What, const M extends More>(
  what: Checked<W, CheckedWhat<W, M>>,
  more: Checked<M, CheckedMore<M, W>>,
): ClassDecorator & MethodDecorator;
export function Throttle(...args: ThrottleArguments): ClassDecorator & MethodDecorator {
  const [what, more] = args;
  return decorator('@Throttle', { limits: [args.length > 1 ? { what, more } : { what }], skips: [] });
}

/**
 * Exempts a class or a method from limits that are declared at an outer level: without arguments from all of them, with
 * names only from those. A limit on a method applies even if its class is exempt.
 *
 * @example
 * @SkipThrottle() @Get('up') up() {}
 * @SkipThrottle('search') @Get('quick') quick() {}
 */
export function SkipThrottle(...names: LimitName[]): ClassDecorator & MethodDecorator {
  return decorator('@SkipThrottle', { limits: [], skips: [names] });
}

/** Returns a decorator like `@Throttle` with one limit and another name. */
export function limitDecorator(name: string, what: What): ClassDecorator & MethodDecorator {
  return decorator(name, { limits: [{ what, by: name }], skips: [] });
}

function decorator(name: string, metadata: ThrottleMetadata): ClassDecorator & MethodDecorator {
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor) => {
    const isClass = typeof target === 'function';
    if (method !== undefined && (isClass || typeof descriptor?.value !== 'function')) {
      const place = isClass ? `${target.name}.${String(method)}` : `${target.constructor.name}.${String(method)}`;
      throw new ThrottleConfigError(
        'SLUICE_NOT_A_HANDLER',
        `${name} on ${place}: expected a class or a method of its instances. No request leads to this member.`,
      );
    }
    addMetadata(target, method, metadata);
    if (metadata.limits.length > 0) warnWithoutRoot(isClass ? target : target.constructor);
  };
}
