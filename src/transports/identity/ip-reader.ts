import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { types } from 'node:util';
import type { HttpRequest } from '../call.js';
import { member } from '../member.js';

/** The part of an application of Express in use. */
interface ExpressApp {
  get(setting: string): unknown;
}

/** The setting of Express that holds what `trust proxy` was compiled to: a function of an address and its hop. */
const COMPILED_TRUST = 'trust proxy fn';
/** The getter of `request.ip` as Express 4 and 5 define it, without white space. */
const OWN_GETTER = "functionip(){vartrust=this.app.get('trustproxyfn');returnproxyaddr(this,trust);}";
/** The function that Express compiles `false` to, without white space. It trusts no address, whoever made it. */
const TRUSTS_NONE = 'functiontrustNone(){returnfalse}';

/** Returns the getter that reading a member runs; undefined if the member is a value. */
const getterOf = Reflect.get(Object.prototype, '__lookupGetter__') as (this: object, name: string) => unknown; // ECMAScript B.2.2.4

/**
 * Reads `request.ip`.
 *
 * If an application of Express trusts no proxy, `ip` is the address of the socket. It is read from the socket then,
 * which takes 0.8 us and not 1.8: Express's getter also parses `X-Forwarded-For`, and reads four members by name, which
 * is slow on its requests (see `member`). The getter would return the same if it is Express's own and the application
 * compiled its setting to the function that Express makes of `false`. Both are checked for each request, because
 * middleware and settings may change. Both are known by their source: no method of the application is called that it
 * may have replaced, other than the one that the getter calls.
 */
export class IpReader {
  readonly #isOwnGetter = new SourceCheck(OWN_GETTER);
  readonly #trustsNone = new SourceCheck(TRUSTS_NONE);

  ipOf(request: HttpRequest): string | undefined {
    // The traps of a proxy may return another `ip`, and are not seen by looking up the getter.
    if (!(request instanceof IncomingMessage) || types.isProxy(request)) return request.ip;
    if (!this.#isOwnGetter.matches(getterOf.call(request, 'ip'))) return request.ip;
    const app = member(request, 'app');
    if (!isExpressApp(app) || !this.#trustsNone.matches(app.get(COMPILED_TRUST))) return request.ip;
    const socket = member(request, 'socket');
    return socket instanceof Socket ? socket.remoteAddress : request.ip;
  }
}

/**
 * Compares the source of functions with one source. Remembers the last function, because an application has one of
 * each.
 */
class SourceCheck {
  #last: unknown;
  #isMatch = false;

  /** @param source without white space */
  constructor(private readonly source: string) {}

  matches(value: unknown): boolean {
    if (value !== this.#last) {
      this.#last = value;
      this.#isMatch = typeof value === 'function' && String(value).replaceAll(/\s/g, '') === this.source;
    }
    return this.#isMatch;
  }
}

function isExpressApp(app: unknown): app is ExpressApp {
  return typeof app === 'function' && 'get' in app;
}
