import 'reflect-metadata';
import type { CostOf } from '../transports/call.js';
import type { MoreOptions, What } from './policy-options.js';

/** A use of `@Throttle`, as written. */
export interface LimitUse {
  readonly what: What;
  readonly more: number | CostOf | MoreOptions | undefined;
}

/** All that is written on one class or method, in reading order. */
export interface Declaration {
  readonly limits: readonly LimitUse[];
  /** A list for each `@SkipThrottle`: the names that it gives. */
  readonly skips: readonly (readonly string[])[];
}

const KEY = 'nestjs-sluice:declaration';
const NOTHING: Declaration = { limits: [], skips: [] };

/** What is written on a class, or on a method of a prototype; nothing that is inherited. */
export function declarationOn(target: object, method?: string | symbol): Declaration {
  const found: Declaration | undefined =
    method === undefined ? Reflect.getOwnMetadata(KEY, target) : Reflect.getOwnMetadata(KEY, target, method);
  return found ?? NOTHING;
}

/** Adds to what is written on a class or a method. Decorators run from the last to the first, so the new comes first. */
export function declare(target: object, method: string | symbol | undefined, { limits, skips }: Declaration): void {
  const known = declarationOn(target, method);
  // By class and name, not on the function: a decorator that replaces the function does not lose the limit.
  const declaration = { limits: [...limits, ...known.limits], skips: [...skips, ...known.skips] };
  if (method === undefined) Reflect.defineMetadata(KEY, declaration, target);
  else Reflect.defineMetadata(KEY, declaration, target, method);
}

/** Whether anything is written on a class or one of its own methods. */
export function isDeclaredOn(type: object, prototype: object): boolean {
  const methods = Reflect.ownKeys(prototype);
  return [declarationOn(type), ...methods.map((method) => declarationOn(prototype, method))].some(
    (one) => one !== NOTHING,
  );
}
