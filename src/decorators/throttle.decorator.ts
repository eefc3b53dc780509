import { ThrottleConfigError } from '../core/errors.js';
import type { CostOf } from '../transports/call.js';
import { type Declaration, declare } from './metadata.js';
import type { MoreOptions, What } from './policy-options.js';

/**
 * Limits a class (one budget, shared by its handlers) or a method. Several stack, in reading order; all or none of them
 * are charged. Of the unnamed limits the nearest place rules: method over class over the module's `default`; limits with
 * a name add to these.
 *
 * @param what a rate, the name of a policy of the module, options, or a list of these
 * @param more units that a call costs, a function of the call that gives them, or options
 * Mistakes stop the boot with a ThrottleConfigError that names this place.
 * @example
 * @Throttle('10/s; 200/hour') @Get() list() {}
 * @Throttle('1000/min', 5)    @Get('pdf') pdf() {}
 * @Throttle('search')         @Get('q') search() {}
 */
export function Throttle(what: What, more?: number | CostOf | MoreOptions): ClassDecorator & MethodDecorator {
  return decorator('@Throttle', { limits: [{ what, more }], skips: [] });
}

/**
 * Lets calls pass: all limits without names, else the policies named. The nearer place rules: a limit on a method
 * outranks a skip on its class.
 *
 * @example
 * @SkipThrottle() @Get('up') up() {}
 * @SkipThrottle('search') @Get('quick') quick() {}
 */
export function SkipThrottle(...names: string[]): ClassDecorator & MethodDecorator {
  return decorator('@SkipThrottle', { limits: [], skips: [names] });
}

function decorator(name: string, declaration: Declaration): ClassDecorator & MethodDecorator {
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor) => {
    const isClass = typeof target === 'function';
    if (method !== undefined && (isClass || typeof descriptor?.value !== 'function')) {
      const place = isClass ? `${target.name}.${String(method)}` : `${target.constructor.name}.${String(method)}`;
      throw new ThrottleConfigError(
        `${name} on ${place}: expected a class or a method of its instances. Nothing calls this one for a request.`,
      );
    }
    declare(target, method, declaration);
  };
}
