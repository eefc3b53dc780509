import { fileURLToPath } from 'node:url';

/**
 * What copies of this library share. A process has several if it loads the package both by `import` and by `require`, or in two
 * versions.
 *
 * - Symbols are made by `Symbol.for`, and keys of metadata are strings.
 * - State of requests, sockets and functions lives on `globalThis`: `sharedState`.
 * - Classes are not shared. `recognizeInstances` is for exceptions, which users catch. Backends, clocks, strategies and policies
 *   are known by their members. For classes that Nest injects there is `noteInjectable`.
 * - State of an application, such as budgets and what was warned of, belongs to an instance. Constants and scratch buffers, which
 *   hold nothing between calls, belong to a copy.
 */

type Class = abstract new (...args: never[]) => object;

/**
 * Returns the state of a name, the same in all copies. The first copy that asks makes it. Call it once, when a file is
 * loaded. A name stands for one form of state: another form needs another name.
 */
export function sharedState<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`nestjs-sluice:${name}`);
  const known: T | undefined = Reflect.get(globalThis, key);
  if (known !== undefined) return known;
  const state = make();
  Object.defineProperty(globalThis, key, { value: state });
  return state;
}

/** Makes `instanceof` true for instances of the class of this name in every copy. */
export function recognizeInstances(type: Class, name: string): void {
  const mark = Symbol.for(`nestjs-sluice:${name}`);
  Object.defineProperty(type.prototype, mark, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // Subclasses inherit this method, and have no mark of their own.
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}

/** A copy of this library. */
export interface Copy {
  /** The folder of its code, or the bundle that it is a part of. */
  readonly path: string;
  /** Its classes that Nest injects into applications. */
  readonly injectables: Set<Class>;
}

/** The token under which a module provides the copy that it belongs to. */
export const COPY = Symbol.for('nestjs-sluice:copy');

/** This copy. */
export const THIS_COPY: Copy = { path: pathOf(new Error().stack), injectables: new Set() };

// Weak, because `jest.resetModules()` leaves copies behind that nobody uses any more.
const copies = sharedState('copies', () => new Set<WeakRef<Copy>>());
copies.add(new WeakRef(THIS_COPY));

/** Notes a class of this copy that Nest injects, so that other copies recognize it as one that they cannot provide. */
export function noteInjectable(type: Class): void {
  THIS_COPY.injectables.add(type);
}

/** Returns the other copies that are loaded now. */
export function otherCopies(): readonly Copy[] {
  return [...copies].flatMap((ref) => ref.deref() ?? []).filter((copy) => copy !== THIS_COPY);
}

/** Returns where the code of a stack is. Modules of both kinds are compiled from this file, and only one kind has `import.meta`. */
function pathOf(stack = ''): string {
  const [, url] = /^\s+at (?:.* \()?((?:file:|\/|[A-Za-z]:).*?):\d+:\d+\)?$/m.exec(stack) ?? [];
  if (url === undefined) return 'an unknown path';
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  return file.replace(/[\\/]core[\\/]copies\.[jt]s$/, '');
}
