import 'reflect-metadata';

const MARK = 'nestjs-sluice:handler';

/**
 * Marks a method with its name. Instrumentation replaces methods by wrappers, to which it copies metadata, so the mark says
 * which method a wrapper stands for. The class is not part of the mark, because subclasses inherit the same functions.
 */
export function markMethod(method: object, name: string): void {
  Reflect.defineMetadata(MARK, name, method);
}

/** Returns the name that a function, or the method that it wraps, was marked with. */
export function markOn(handler: object): string | undefined {
  return Reflect.getMetadata(MARK, handler);
}
