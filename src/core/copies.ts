import { fileURLToPath } from 'node:url';

/**
 * State that copies of this library share. A process has several copies if it loads the package with both `import` and
 * `require`, or in two versions.
 *
 * - Symbols are made by `Symbol.for`, and keys of metadata are strings.
 * - State of requests, sockets and functions lives on `globalThis`: `sharedState`.
 * - Classes are not shared. `recognizeInstances` is for exceptions, which users catch. Backends, clocks, strategies and
 *   policies are recognized by their members. For classes that Nest injects there is `noteInjectable`.
 * - State of an application, such as budgets and the warnings already logged, belongs to an instance. Constants and
 *   scratch buffers, which hold nothing between calls, belong to a copy.
 */

type Class = abstract new (...args: never[]) => object;

/**
 * Returns the state stored under a name, the same object in all copies. The first copy to call creates it. Call it
 * once, when a file is loaded. If the form of the state changes, use another name.
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
      // Subclasses inherit this method but have no mark of their own.
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}

/** A copy of this library. */
export interface Copy {
  /** The folder of its code, or the bundle that contains it. */
  readonly path: string;
  /** Its classes that Nest injects into applications. */
  readonly injectables: Set<Class>;
}

/** The injection token under which a module provides the copy that it belongs to. */
export const COPY = Symbol.for('nestjs-sluice:copy');

/** This copy. */
export const THIS_COPY: Copy = { path: pathOf(new Error().stack), injectables: new Set() };

// Weak, because `jest.resetModules()` leaves copies behind that nobody uses any more.
const copies = sharedState('copies', () => new Set<WeakRef<Copy>>());
copies.add(new WeakRef(THIS_COPY));

/**
 * Registers a class of this copy that Nest injects, so that other copies recognize it and report that they cannot
 * provide it.
 */
export function noteInjectable(type: Class): void {
  THIS_COPY.injectables.add(type);
}

/** Returns the other copies that are currently loaded. */
export function otherCopies(): readonly Copy[] {
  return [...copies].flatMap((ref) => ref.deref() ?? []).filter((copy) => copy !== THIS_COPY);
}

/**
 * Returns the path of the code in a stack trace. This file is compiled to ESM and CommonJS, and only ESM has
 * `import.meta`.
 */
function pathOf(stack = ''): string {
  const [, url] = /^\s+at (?:.* \()?((?:file:|\/|[A-Za-z]:).*?):\d+:\d+\)?$/m.exec(stack) ?? [];
  if (url === undefined) return 'an unknown path';
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  return file.replace(/[\\/]core[\\/]copies\.[jt]s$/, '');
}
