import type { DiscoveryService } from '@nestjs/core';
import { skipFor, throttleFor } from '../../decorators/throttler-options.js';
import { type Class, methodsOf } from '../../planning/class-members.js';
import { isClass } from './nest-metadata.js';

/**
 * The metadata that the decorators of `@nestjs/throttler` write, versions 5 and 6: each key ends with the name of a
 * throttler. Before version 5 there are no names, and `ttl` is in seconds. Metadata of a method is on the function.
 */
const LIMIT = 'THROTTLER:LIMIT';
const TTL = 'THROTTLER:TTL';
const SKIP = 'THROTTLER:SKIP';
/** The name of a throttler without a name. */
const UNNAMED = 'default';
/** The token of a provider that only its module has. */
const MODULE_OPTIONS = 'THROTTLER:MODULE_OPTIONS';

/**
 * Returns a warning that names the classes and handlers with decorators of `@nestjs/throttler`, and what to write
 * there; undefined if there are none, or if its own module is imported, whose guard reads them.
 */
export function throttlerWarning(discovery: DiscoveryService): string | undefined {
  const providers = discovery.getProviders();
  if (providers.some(({ token }) => token === MODULE_OPTIONS)) return undefined;
  const wrappers = [...discovery.getControllers(), ...providers];
  const types = new Set(wrappers.map(({ metatype }) => metatype));
  const fixes = [...types].filter(isClass).flatMap(fixesOf);
  if (fixes.length === 0) return undefined;
  return (
    'Decorators of @nestjs/throttler limit nothing here. Import Throttle and SkipThrottle from "nestjs-sluice", and write ' +
    `${fixes.join(', ')}.`
  );
}

/** Returns the replacements for the decorators of a class and its methods: `@Throttle("3/min") on Reports.list`. */
function fixesOf(type: Class): readonly string[] {
  const onMethods = methodsOf(type).map((method) => [`${type.name}.${method}`, type.prototype[method]] as const);
  return [[type.name, type] as const, ...onMethods].flatMap(([label, target]) => {
    const decorators = decoratorsFor(target);
    return decorators.length === 0 ? [] : [`${decorators.join(' ')} on ${label}`];
  });
}

function decoratorsFor(target: object): readonly string[] {
  const throttlers: Record<string, object> = {};
  const skips: Record<string, unknown> = {};
  for (const key of Reflect.getMetadataKeys(target)) {
    if (typeof key !== 'string') continue;
    const value: unknown = Reflect.getMetadata(key, target);
    if (key.startsWith(LIMIT)) add(key.slice(LIMIT.length), { limit: value });
    else if (key === TTL) add('', { ttl: Number(value) * 1000 });
    else if (key.startsWith(TTL)) add(key.slice(TTL.length), { ttl: value });
    else if (key.startsWith(SKIP)) skips[key.slice(SKIP.length) || UNNAMED] = value;
  }
  return [
    ...(Object.keys(throttlers).length > 0 ? [throttleFor(throttlers)] : []),
    ...(Object.keys(skips).length > 0 ? [skipFor(skips)] : []),
  ];

  function add(name: string, part: object): void {
    throttlers[name || UNNAMED] = { ...throttlers[name || UNNAMED], ...part };
  }
}
