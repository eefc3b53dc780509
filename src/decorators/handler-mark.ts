import 'reflect-metadata';

const MARK = 'nestjs-sluice:handler';

/**
 * Marks a method with its name. Instrumentation replaces methods with wrappers and copies metadata to them, so the mark
 * identifies the method that a wrapper calls. The class is not part of the mark, because subclasses inherit the same
 * functions.
 */
export function markMethod(method: object, name: string): void {
  Reflect.defineMetadata(MARK, name, method);
}

/** Returns the name that a function, or the method that it wraps, was marked with. */
export function markOn(handler: object): string | undefined {
  return Reflect.getMetadata(MARK, handler);
}
