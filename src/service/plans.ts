import { compilePlan, type Plan } from './plan.js';
import type { PolicyRegistry } from './registry.js';
import { chainOf } from './written.js';

type Class = abstract new (...args: never[]) => unknown;
type Handler = (...args: never[]) => unknown;

interface ClassPlans {
  readonly classId: string;
  readonly byHandler: Map<unknown, Plan>;
}

/** The plans of all handlers, found by class and function. */
export class Plans {
  readonly #classes = new Map<unknown, ClassPlans>();
  readonly #names = new Set<string>();

  constructor(private readonly registry: PolicyRegistry) {}

  /**
   * Compiles the plans of a controller's handlers. Its name in keys is that of its module and class, with a running
   * number where these are equal.
   */
  add(type: Class, moduleName: string, methods: readonly string[]): void {
    if (this.#classes.has(type)) return;
    this.#classes.set(type, { classId: this.#unique(`${moduleName}/${type.name}`), byHandler: new Map() });
    for (const method of methods) this.#compile(type, method, type.prototype[method]);
  }

  /** The plan of a handler; one that was not there at boot is compiled when it is first seen. */
  of(type: Class, handler: unknown): Plan {
    return this.#classes.get(type)?.byHandler.get(handler) ?? this.#late(type, handler as Handler);
  }

  /** Whether a handler would be charged anything. */
  limits(type: Class, method: string): boolean {
    return this.of(type, type.prototype[method]).guarded.length > 0;
  }

  #late(type: Class, handler: Handler): Plan {
    this.add(type, '', []);
    const method =
      methodsOf(type).find((name) => type.prototype[name] === handler) ?? handler.name.replace(/^bound /, '');
    return this.#compile(type, method, handler);
  }

  #compile(type: Class, method: string, handler: unknown): Plan {
    const { classId, byHandler } = this.#classes.get(type) ?? { classId: '', byHandler: new Map() };
    const same = [...byHandler.values()].find(({ label }) => label === `${type.name}.${method}`);
    const plan =
      same ?? compilePlan(type, method, { classId, handlerId: this.#unique(`${classId}/${method}`) }, this.registry);
    byHandler.set(handler, plan);
    return plan;
  }

  #unique(name: string): string {
    let unique = name;
    for (let number = 2; this.#names.has(unique); number++) unique = `${name}#${number}`;
    this.#names.add(unique);
    return unique;
  }
}

/** The methods of a class's instances, inherited ones too. */
export function methodsOf(type: Class): readonly string[] {
  const names = new Set<string>();
  for (const { prototype } of chainOf(type)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name !== 'constructor' && typeof value === 'function') names.add(name);
    }
  }
  return [...names];
}
