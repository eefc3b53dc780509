import { normalizeAddress } from './address.js';
import type { HttpRequest } from './call.js';

const STRANGER = '203.0.113.1';
/** More hops than any chain of proxies has. */
const CHAIN = new Array<string>(100).fill('198.51.100.1').join(', ');

const TRUSTS_EVERYONE =
  'The proxy setting trusts everyone: clients pick their own address with X-Forwarded-For and escape limits by address. ' +
  'Set the number of your proxies, or their addresses.';
const TRUSTS_NOBODY =
  'A forwarding header arrived while no proxy is trusted, and was ignored: behind a proxy all clients share its address. ' +
  'Set the number of your proxies: app.set("trust proxy", 1) on Express, new FastifyAdapter({ trustProxy: 1 }) on Fastify.';
const NO_ADDRESS =
  'A request came without an address (through a Unix socket?): all such requests share one budget. ' +
  'Behind a proxy trust it, so that its forwarding header counts.';

/** Tells who is calling by address, and warns once of what makes limits by address worthless. */
export class ClientAddress {
  /** `nobody`: watching for a forwarding header; `settled`: nothing is left to be warned of. */
  #trust: 'unknown' | 'nobody' | 'settled' = 'unknown';
  #isWarnedOfNone = false;

  /** @param prefix bits of IPv6 that tell networks apart */
  constructor(
    private readonly prefix: number,
    private readonly warn: (message: string) => void,
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
      this.#trust = trustsNobody(request) ? 'nobody' : 'settled';
      if (trustsEveryone(request)) this.warn(TRUSTS_EVERYONE);
    }
    const { headers } = request;
    if (this.#trust === 'settled' || (headers['x-forwarded-for'] ?? headers.forwarded) === undefined) return;
    this.#trust = 'settled';
    this.warn(TRUSTS_NOBODY);
  }

  #missing({ socket }: HttpRequest): void {
    const isGone = typeof socket === 'object' && socket !== null && Reflect.get(socket, 'destroyed') === true;
    if (isGone || this.#isWarnedOfNone) return;
    this.#isWarnedOfNone = true;
    this.warn(NO_ADDRESS);
  }
}

function trustsNobody(request: HttpRequest): boolean {
  const { app } = request;
  if (typeof app === 'function' && 'get' in app && typeof app.get === 'function') return !app.get('trust proxy');
  // Fastify's requests have `ips` only where proxies are trusted.
  return request.ips === undefined;
}

/** Asks the framework for the address of a stranger behind a long chain: the far end of it shows that anybody is believed. */
function trustsEveryone(request: HttpRequest): boolean {
  const socket = { remoteAddress: STRANGER };
  const raw = { headers: { 'x-forwarded-for': CHAIN }, socket, connection: socket };
  try {
    return Reflect.get(request, 'ip', { ...raw, raw, app: request.app }) === '198.51.100.1';
  } catch {
    return false;
  }
}
