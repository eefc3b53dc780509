import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { HttpRequest } from '../call.js';
import { member } from '../member.js';

/** The part of an application of Express in use. */
interface ExpressApp {
  get(setting: string): unknown;
  set(setting: string, value: unknown): unknown;
}

/** The setting of Express that holds what `trust proxy` was compiled to: a function of an address and its hop. */
const COMPILED_TRUST = 'trust proxy fn';
/** The getter of `request.ip` as Express 4 and 5 define it, without white space. */
const OWN_GETTER = "functionip(){vartrust=this.app.get('trustproxyfn');returnproxyaddr(this,trust);}";

/** Returns the getter that reading a member runs; undefined if the member is a value. */
const getterOf = Reflect.get(Object.prototype, '__lookupGetter__') as (this: object, name: string) => unknown; // ECMAScript B.2.2.4

/**
 * Reads `request.ip`.
 *
 * If an application of Express trusts no proxy, `ip` is the address of the socket. It is read from the socket then, which takes 0.8 us
 * and not 1.8: Express's getter also parses `X-Forwarded-For`, and reads four members by name, which is slow on its requests (see
 * `member`). The getter would return the same if it is Express's own and the application compiled its setting to the function that
 * Express makes of `false`. Both are checked for each request, because middleware and settings may change.
 */
export class IpReader {
  /** The last getter that was seen, and whether it is Express's own. An application has one of them. */
  #getter: unknown;
  #isOwn = false;
  /** By application, the function that its Express compiles `false` to; null if it is not known. */
  readonly #trustsNobody = new WeakMap<ExpressApp, object | null>();

  ipOf(request: HttpRequest): string | undefined {
    if (!(request instanceof IncomingMessage) || !this.#isExpress(getterOf.call(request, 'ip'))) return request.ip;
    const app = member(request, 'app');
    if (!isExpressApp(app) || !this.#trustsNoProxy(app)) return request.ip;
    const socket = member(request, 'socket');
    return socket instanceof Socket ? socket.remoteAddress : request.ip;
  }

  #isExpress(getter: unknown): boolean {
    if (getter !== this.#getter) {
      this.#getter = getter;
      this.#isOwn = typeof getter === 'function' && String(getter).replaceAll(/\s/g, '') === OWN_GETTER;
    }
    return this.#isOwn;
  }

  #trustsNoProxy(app: ExpressApp): boolean {
    let nobody = this.#trustsNobody.get(app);
    if (nobody === undefined) {
      nobody = compileFalse(app);
      this.#trustsNobody.set(app, nobody);
    }
    return nobody !== null && app.get(COMPILED_TRUST) === nobody;
  }
}

/** Returns the function that Express compiles `false` to, by its own method `set`, on settings that belong to no application. */
function compileFalse({ set }: ExpressApp): object | null {
  const unused = { settings: {}, set };
  try {
    unused.set('trust proxy', false);
  } catch {
    // A method that replaces Express's, and that needs an application.
    return null;
  }
  const compiled: unknown = Reflect.get(unused.settings, COMPILED_TRUST);
  return typeof compiled === 'function' ? compiled : null;
}

function isExpressApp(app: unknown): app is ExpressApp {
  return typeof app === 'function' && 'get' in app && 'set' in app;
}
