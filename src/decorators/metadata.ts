import 'reflect-metadata';
import type { CostOf } from '../transports/call.js';
import type { MoreOptions, What } from './policy-options.js';

/** The arguments of one `@Throttle`, or of another decorator that adds limits. */
export interface ThrottleUse {
  readonly what: What;
  /** Absent if the decorator had only one argument. If it is present but `undefined`, a value is missing. */
  readonly more?: number | CostOf | MoreOptions | undefined;
  /** The name of the decorator, for errors. Default: `@Throttle`. */
  readonly by?: string;
}

/** The arguments of all decorators on one class or method, in reading order. */
export interface ThrottleMetadata {
  readonly limits: readonly ThrottleUse[];
  /** The names in each `@SkipThrottle`. */
  readonly skips: readonly (readonly string[])[];
}

const KEY = 'nestjs-sluice:declaration';
const NONE: ThrottleMetadata = { limits: [], skips: [] };

/** Returns the metadata of a class, or of a method of a prototype. Inherited metadata is not included. */
export function metadataOn(target: object, method?: string | symbol): ThrottleMetadata {
  const found: ThrottleMetadata | undefined =
    method === undefined ? Reflect.getOwnMetadata(KEY, target) : Reflect.getOwnMetadata(KEY, target, method);
  return found ?? NONE;
}

/** Returns true if a class, or a method of a prototype, has a decorator of this library. */
export function isDecorated(target: object, method?: string | symbol): boolean {
  return metadataOn(target, method) !== NONE;
}

/** Adds metadata in front of the existing metadata, because decorators run from the last to the first. */
export function addMetadata(target: object, method: string | symbol | undefined, added: ThrottleMetadata): void {
  const known = metadataOn(target, method);
  const metadata: ThrottleMetadata = {
    limits: [...added.limits, ...known.limits],
    skips: [...added.skips, ...known.skips],
  };
  // Stored by class and method name, not on the function, so that the limit stays if a decorator replaces the function.
  if (method === undefined) Reflect.defineMetadata(KEY, metadata, target);
  else Reflect.defineMetadata(KEY, metadata, target, method);
}

const BUDGETS = 'nestjs-sluice:token-budgets';

/** Records that a parameter of a method reserves units of a token budget. */
export function addReservation(target: object, method: string | symbol, budget: string): void {
  Reflect.defineMetadata(BUDGETS, [...reservationsOf(target, method), budget], target, method);
}

/**
 * Returns the names of the token budgets from which parameters of a method reserve units. In Nest, a method that
 * overrides another inherits them, too.
 */
export function reservationsOf(target: object, method: string | symbol): readonly string[] {
  const found: readonly string[] | undefined = Reflect.getMetadata(BUDGETS, target, method);
  return found ?? [];
}
