/** Options of `@nestjs/throttler` for one of its throttlers. */
interface Throttler {
  readonly limit: unknown;
  readonly ttl: unknown;
}

interface ThrottlerDecorators {
  Throttle(throttlers: Readonly<Record<string, Throttler>>): MethodDecorator & ClassDecorator;
  SkipThrottle(skip?: Readonly<Record<string, boolean>>): MethodDecorator & ClassDecorator;
}

/**
 * Installed with Nest 11, which its decorators do not need. Imported by a variable, so that types are checked without
 * it.
 */
const PATH = '../nest11/node_modules/@nestjs/throttler/dist/index.js';

/** The decorators of `@nestjs/throttler` itself, version 6. */
export const { Throttle: NestThrottle, SkipThrottle: NestSkipThrottle }: ThrottlerDecorators = await import(PATH);

/**
 * Sets the metadata of `@Throttle(limit, ttl)` of version 4, which has no names. `OldSkipThrottle` does so for
 * `@SkipThrottle()`.
 */
export function OldThrottle(limit: number, seconds: number): MethodDecorator {
  return (_target, _method, { value }) => {
    Reflect.defineMetadata('THROTTLER:LIMIT', limit, Object(value));
    Reflect.defineMetadata('THROTTLER:TTL', seconds, Object(value));
  };
}

/** See `OldThrottle`. */
export function OldSkipThrottle(skip = true): ClassDecorator {
  return (target) => Reflect.defineMetadata('THROTTLER:SKIP', skip, target);
}
