import type { Class } from './class-members.js';

/** The names of a handler and its class in the keys of their budgets. */
export interface HandlerIdentity {
  readonly classId: string;
  readonly handlerId: string;
}

/** The address at which calls reach a handler. */
export interface Address {
  /** HTTP method, full path, version and host; or port, path, namespace and event; or transport and pattern. */
  readonly text: string;
  /**
   * True if all handlers of the address run, as on sockets. False if only one runs: then routes with the same address
   * are one.
   */
  readonly runsAll: boolean;
}

/** A class, and the addresses of its handlers. */
export interface AddressedClass {
  readonly type: Class;
  /** The addresses of each handler, by method. */
  readonly handlers: ReadonlyMap<string, readonly Address[]>;
}

/** Handlers with the same address, or classes with the same smallest address. */
export interface SharedIdentity {
  readonly level: 'handler' | 'class';
  readonly id: string;
  readonly runsAll: boolean;
  /** `method` is undefined for classes. */
  readonly owners: readonly { readonly type: Class; readonly method: string | undefined }[];
}

interface Claim {
  readonly type: Class;
  readonly method: string | undefined;
  readonly address: Address;
}

/**
 * Identifies handlers and classes by the addresses at which calls reach them. So every process and release that serves
 * a route counts it in the same budget, independently of class names and registration order. The identity of a handler
 * is its smallest address in code-unit order; that of a class is the smallest one of its handlers.
 */
export class HandlerIdentities {
  /** Identities that several handlers or classes have. */
  readonly shared: readonly SharedIdentity[];
  readonly #classIds = new Map<Class, string>();
  readonly #handlerIds = new Map<Class, Map<string, string>>();
  readonly #unaddressed = new Set<string>();

  constructor(classes: readonly AddressedClass[] = []) {
    const ofHandlers = classes.flatMap(({ type, handlers }) =>
      [...handlers].flatMap(([method, addresses]) => claimsOf(type, method, addresses)),
    );
    const ofClasses = classes.flatMap(({ type, handlers }) => claimsOf(type, undefined, [...handlers.values()].flat()));
    this.shared = [...this.#assign('handler', ofHandlers), ...this.#assign('class', ofClasses)];
  }

  /**
   * Returns the identity of a handler. A class without addresses, which something other than Nest calls, is identified
   * by its name.
   */
  of(type: Class, method: string): HandlerIdentity {
    const classId = this.#classIds.get(type) ?? this.#nameOf(type);
    return { classId, handlerId: this.#handlerIds.get(type)?.get(method) ?? `${classId} #${method}` };
  }

  #assign(level: SharedIdentity['level'], claims: readonly Claim[]): readonly SharedIdentity[] {
    return [...groupBy(claims, idsOf(claims))].flatMap(([id, owners]) => {
      for (const { type, method } of owners) this.#set(type, method, id);
      const runsAll = owners.some(({ address }) => address.runsAll);
      return owners.length > 1 ? [{ level, id, runsAll, owners }] : [];
    });
  }

  #set(type: Class, method: string | undefined, id: string): void {
    if (method === undefined) {
      this.#classIds.set(type, id);
      return;
    }
    const byMethod = this.#handlerIds.get(type) ?? new Map<string, string>();
    this.#handlerIds.set(type, byMethod.set(method, id));
  }

  /**
   * Numbers different classes with the same name in the order of their first calls, because nothing else distinguishes
   * them.
   */
  #nameOf(type: Class): string {
    let name = type.name;
    for (let number = 2; this.#unaddressed.has(name); number++) name = `${type.name}#${number}`;
    this.#unaddressed.add(name);
    this.#classIds.set(type, name);
    return name;
  }
}

/** Returns the smaller of two addresses in code-unit order, which does not depend on the locale. */
function smaller(a: Address, b: Address): Address {
  return b.text < a.text ? b : a;
}

function claimsOf(type: Class, method: string | undefined, [first, ...others]: readonly Address[]): readonly Claim[] {
  return first === undefined ? [] : [{ type, method, address: others.reduce(smaller, first) }];
}

/**
 * Returns a function for the id of a claim: its address, plus the names of class and method if all handlers of the
 * address run.
 */
function idsOf(claims: readonly Claim[]): (claim: Claim) => string {
  const address = ({ address: { text } }: Claim) => text;
  const withClass = (claim: Claim) => `${address(claim)} ${claim.type.name}`;
  const withMethod = (claim: Claim) => `${withClass(claim)}.${claim.method}`;
  const atAddress = groupBy(claims, address);
  const inClass = groupBy(claims, withClass);
  return (claim) => {
    const isAlone = (atAddress.get(address(claim))?.length ?? 0) < 2;
    if (isAlone || !claim.address.runsAll) return address(claim);
    const isAloneInClass = (inClass.get(withClass(claim))?.length ?? 0) < 2;
    return isAloneInClass || claim.method === undefined ? withClass(claim) : withMethod(claim);
  };
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
