import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';

type Handler = (...args: unknown[]) => unknown;

/** The properties of a handler that its wrapper keeps. */
export interface WrapperOptions {
  readonly keepsName: boolean;
  readonly copiesMetadata: boolean;
}

/** Wrappers from which a handler can be told: by its name, or by its metadata. */
export const recognizable: readonly (readonly [string, WrapperOptions])[] = [
  ['with its name and metadata', { keepsName: true, copiesMetadata: true }],
  ['with its metadata and no name', { keepsName: false, copiesMetadata: true }],
  ['with its name and no metadata', { keepsName: true, copiesMetadata: false }],
];

/** Wrappers from which nothing can be told. */
export const anonymous: WrapperOptions = { keepsName: false, copiesMetadata: false };

/**
 * Replaces handlers by wrappers where Nest makes their contexts, as the instrumentations of OpenTelemetry and Sentry do.
 * Applications that start before it is disposed of are affected, until they are closed.
 */
export class WrappedHandlers implements Disposable {
  /** Names of the methods that were wrapped, in the order in which Nest asked for their contexts. */
  readonly names: string[] = [];
  readonly #restore: readonly (() => void)[];

  constructor(options: WrapperOptions) {
    const wrap = (handler: Handler): Handler => {
      this.names.push(handler.name);
      return wrapHandler(handler, options);
    };
    this.#restore = [patchCreate(RouterExecutionContext, wrap), patchCreate(WsContextCreator, wrap)];
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore();
  }
}

/**
 * An `instanceDecorator` that gives out methods in wrappers with their names and metadata, as that of `@nestjs/observe`
 * does: each instance has wrappers of its own.
 */
export function wrapMethods(instance: unknown): unknown {
  if (typeof instance !== 'object' || instance === null) return instance;
  const wrappers = new WeakMap<object, Handler>();
  return new Proxy(instance, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (property === 'constructor' || !isMethod(value)) return value;
      const known = wrappers.get(value);
      if (known !== undefined) return known;
      // The instance and not its proxy is `this`, so that private members are found.
      const wrapper = wrapHandler((...args) => value.apply(target, args), anonymous);
      takeOver(value, wrapper, { keepsName: true, copiesMetadata: true });
      wrappers.set(value, wrapper);
      return wrapper;
    },
  });
}

function wrapHandler(handler: Handler, options: WrapperOptions): Handler {
  // In an array literal, a function gets no name.
  const [wrapper] = [
    function (this: unknown, ...args: unknown[]): unknown {
      return handler.apply(this, args);
    },
  ] as const;
  takeOver(handler, wrapper, options);
  return wrapper;
}

function takeOver(handler: Handler, wrapper: Handler, { keepsName, copiesMetadata }: WrapperOptions): void {
  if (keepsName) Object.defineProperty(wrapper, 'name', { value: handler.name });
  if (!copiesMetadata) return;
  for (const key of Reflect.getMetadataKeys(handler)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, handler), wrapper);
  }
}

function isMethod(value: unknown): value is Handler {
  return typeof value === 'function' && !/^class\b/.test(String(value));
}

/** Has `create` of a class get wrapped handlers; its second argument is the handler. Returns what undoes that. */
function patchCreate<Create extends (...args: never[]) => unknown>(
  { prototype }: { readonly prototype: { create: Create } },
  wrap: (handler: Handler) => Handler,
): () => void {
  const { create } = prototype;
  prototype.create = new Proxy(create, {
    apply: (target, self, [instance, handler, ...rest]) =>
      Reflect.apply(target, self, [instance, wrap(handler), ...rest]),
  });
  return () => {
    prototype.create = create;
  };
}
