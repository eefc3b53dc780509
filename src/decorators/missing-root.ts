import { Catch, Inject, Logger, Optional, UseFilters } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { COPY, sharedState } from '../core/copies.js';

/** The classes with limits, on themselves or on methods, and the applications that were warned. */
const { limited, warned } = sharedState('missing-root', () => ({
  limited: new WeakSet<object>(),
  warned: new WeakSet<ModulesContainer>(),
}));

/** Never thrown. */
class Nothing {}

/**
 * Warns at startup if an application has handlers with limits, and none of its modules imports ThrottleModule. Then
 * nothing else of this library runs, so only something that Nest creates for the class of a handler can notice it.
 *
 * It is bound to the class as an exception filter that catches nothing: Nest creates filters at startup, and calls that
 * throw nothing do not see them. It warns and does not throw, because a test of a controller needs no limits, and Nest
 * prints no warnings in tests.
 */
@Catch(Nothing)
export class MissingRootWarning {
  constructor(@Optional() @Inject(ModulesContainer) modules?: ModulesContainer) {
    if (modules === undefined || warned.has(modules)) return;
    const all = [...modules.values()];
    if (all.some(({ providers }) => providers.has(COPY))) return;
    warned.add(modules);
    const types = all.flatMap(({ controllers, providers }) =>
      [...controllers.values(), ...providers.values()].map(({ metatype }) => metatype),
    );
    const classes = new Set(types.filter((type) => typeof type === 'function' && isLimited(type)));
    const names = [...classes].map((type) => type?.name);
    new Logger('ThrottleModule').warn(
      `Nothing is limited: ${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} limits, but no module imports ThrottleModule. ` +
        'Import ThrottleModule.forRoot() in the root module.',
    );
  }

  catch(): void {}
}

/** Has an application warn if it has this class, and does not import ThrottleModule. Costs only calls that throw. */
export function warnWithoutRoot(type: NewableFunction): void {
  if (limited.has(type)) return;
  limited.add(type);
  UseFilters(MissingRootWarning)(type);
}

/** Returns true for a class with limits, or one that extends such a class. */
function isLimited(type: object): boolean {
  for (let one: object | null = type; one !== null; one = Object.getPrototypeOf(one)) if (limited.has(one)) return true;
  return false;
}
