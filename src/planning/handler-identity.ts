import type { Class } from './class-members.js';

/** The names of a handler and its class in keys, each unique in the application. */
export interface HandlerIdentity {
  readonly classId: string;
  readonly handlerId: string;
}

/** Names handlers by module, class and method. Equal names get a number, in the order in which they are asked for. */
export class HandlerNames {
  readonly #taken = new Set<string>();

  classId(type: Class, moduleName: string): string {
    return this.#unique(`${moduleName}/${type.name}`);
  }

  identity(classId: string, method: string): HandlerIdentity {
    return { classId, handlerId: this.#unique(`${classId}/${method}`) };
  }

  #unique(name: string): string {
    let unique = name;
    for (let number = 2; this.#taken.has(unique); number++) unique = `${name}#${number}`;
    this.#taken.add(unique);
    return unique;
  }
}
