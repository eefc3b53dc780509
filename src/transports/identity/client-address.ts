import type { HttpRequest } from '../call.js';
import { normalizeAddress } from './ip-address.js';

const STRANGER = '203.0.113.1';
const FAR_END = '198.51.100.1';
/** More hops than any chain of proxies has. */
const CHAIN = [FAR_END, ...new Array<string>(100).fill('198.51.100.2')].join(', ');

const TRUSTS_EVERYONE =
  'The proxy setting trusts everyone: clients pick their own address with X-Forwarded-For and escape limits by address. ' +
  'Set the addresses of your proxies, or on Express their number.';
const IGNORED =
  'A forwarding header arrived from an address that is not trusted as a proxy, and was ignored: if that is your proxy, all clients share its address. ';
const TRUST_IT =
  'Trust it: app.set("trust proxy", 1) on Express, new FastifyAdapter({ trustProxy: "10.0.0.0/8" }), by its addresses, on Fastify.';
const NO_ADDRESS =
  'A request came without an address (through a Unix socket?): all such requests share one budget. ' +
  'Behind a proxy trust it, so that its forwarding header counts.';

/** Tells who is calling by address, and warns once of what makes limits by address worthless. */
export class ClientAddress {
  /** `watched`: not everyone is trusted, and no forwarding header has come; `settled`: nothing is left to be warned of. */
  #trust: 'unknown' | 'watched' | 'settled' = 'unknown';
  #isWarnedOfNone = false;

  /**
   * @param prefix bits of IPv6 that tell networks apart
   * @param trustIt how a proxy is trusted, for warnings
   */
  constructor(
    private readonly prefix: number,
    private readonly warn: (message: string) => void,
    private readonly trustIt = TRUST_IT,
  ) {}

  /** The framework's own address, under the application's trust-proxy setting, as one text for one host. */
  of(request: HttpRequest): string | undefined {
    if (this.#trust !== 'settled') this.#look(request);
    const { ip } = request;
    if (ip !== undefined && ip !== '') return normalizeAddress(ip, this.prefix);
    this.#missing(request);
    return undefined;
  }

  #look(request: HttpRequest): void {
    if (this.#trust === 'unknown') {
      this.#trust = trustsEveryone(request) ? 'settled' : 'watched';
      if (this.#trust === 'settled') this.warn(TRUSTS_EVERYONE);
    }
    const { headers } = request;
    if (this.#trust === 'settled' || (headers['x-forwarded-for'] ?? headers.forwarded) === undefined) return;
    this.#trust = 'settled';
    if (isForwardingIgnored(request)) this.warn(IGNORED + this.trustIt);
  }

  #missing({ socket }: HttpRequest): void {
    const isGone = typeof socket === 'object' && socket !== null && Reflect.get(socket, 'destroyed') === true;
    if (isGone || this.#isWarnedOfNone) return;
    this.#isWarnedOfNone = true;
    this.warn(NO_ADDRESS);
  }
}

function isForwardingIgnored({ app, ips, headers }: HttpRequest): boolean {
  if (typeof app === 'function' && 'get' in app && typeof app.get === 'function') return !app.get('trust proxy');
  // Fastify's requests have `ips` where proxies are trusted; a number of them (since 5.12.1) trusts none.
  return !Array.isArray(ips) || (ips.length < 2 && headers['x-forwarded-for'] !== undefined);
}

/** Asks the framework for the address of a stranger behind a long chain: the far end of it shows that anybody is believed. */
function trustsEveryone(request: HttpRequest): boolean {
  const socket = { remoteAddress: STRANGER };
  const raw = { headers: { 'x-forwarded-for': CHAIN }, socket, connection: socket };
  try {
    return Reflect.get(request, 'ip', { ...raw, raw, app: request.app }) === FAR_END;
  } catch {
    return false;
  }
}
