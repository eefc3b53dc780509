/** Any class, including abstract ones. */
export type Class = abstract new (...args: never[]) => unknown;

/** Returns a class and the classes that it extends, farthest first. */
export function chainOf(type: Class): readonly Class[] {
  const chain: Class[] = [];
  for (
    let one: Class | null = type;
    typeof one === 'function' && one !== Function.prototype;
    one = Object.getPrototypeOf(one)
  ) {
    chain.unshift(one);
  }
  return chain;
}

/** Returns the class that defines a method: the class itself, or the nearest one that it extends. */
export function ownerOf(type: Class, method: string | symbol): Class {
  return chainOf(type).findLast(({ prototype }) => Object.hasOwn(prototype, method)) ?? type;
}

/** Returns the names of all methods of a class's instances, including inherited ones. */
export function methodsOf(type: Class): readonly string[] {
  const names = new Set<string>();
  for (const { prototype } of chainOf(type)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name !== 'constructor' && typeof value === 'function') names.add(name);
    }
  }
  return [...names];
}
