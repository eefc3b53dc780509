import { isIPv4 } from 'node:net';
import type { HttpRequest } from '../call.js';
import { normalizeAddress } from './ip-address.js';
import { IpReader } from './ip-reader.js';
import { remoteAddress } from './trust-proxy.js';

/** Addresses of documentation networks (RFC 5737), which no setting names as proxies. */
const UNTRUSTED_SENDER = '203.0.113.1';
const FORGED_CLIENT = '198.51.100.1';
/** An `X-Forwarded-For` with more hops than any chain of proxies. */
const FORGED_CHAIN = [FORGED_CLIENT, ...new Array<string>(100).fill('198.51.100.2')].join(', ');

const TRUSTS_EVERYONE =
  'The trust-proxy setting trusts everyone, so clients can choose their address with X-Forwarded-For and evade limits by address. ' +
  'Set the addresses of your proxies, or on Express their number.';
const IGNORED =
  'A forwarding header was ignored because it came from an address that is not trusted as a proxy. If that is your proxy, all clients share its address. ';
const HOW_TO_TRUST =
  'Trust it: app.set("trust proxy", 1) on Express, new FastifyAdapter({ trustProxy: "10.0.0.0/8" }), by its addresses, on Fastify.';
const NO_ADDRESS =
  'A request has no address (it may have come through a Unix socket). All such requests share one budget. ' +
  'If a proxy sends them, trust it, so that its forwarding header is used.';

/** Finds the address of a caller, and warns once of each proxy setting that makes limits by address ineffective. */
export class ClientAddress {
  /**
   * `watched`: not everyone is trusted, and no forwarding header has arrived yet. `checked`: all warnings have been
   * given.
   */
  #proxySetting: 'unknown' | 'watched' | 'checked' = 'unknown';
  #isWarnedOfMissing = false;
  readonly #ips = new IpReader();
  readonly #ignoredHeaders = new Set<string>();

  /**
   * @param ipv6Prefix the number of bits of an IPv6 address that identify a network
   * @param howToTrust how to trust a proxy, for the warning
   */
  constructor(
    private readonly ipv6Prefix: number,
    private readonly warn: (message: string) => void,
    private readonly howToTrust = HOW_TO_TRUST,
  ) {}

  /** Returns the address that the framework finds under the application's trust-proxy setting, in canonical form. */
  of(request: HttpRequest): string | undefined {
    if (this.#proxySetting !== 'checked') this.#checkProxySetting(request);
    const ip = this.#ips.ipOf(request);
    if (ip !== undefined && ip !== '') return normalizeAddress(ip, this.ipv6Prefix);
    this.#warnOfMissing(request);
    return undefined;
  }

  /**
   * Returns the address in a header such as `cf-connecting-ip`, in canonical form. Undefined if it contains none, or if
   * the peer is not a trusted proxy and the client may have forged the header.
   */
  inHeader(request: HttpRequest, header: string): string | undefined {
    const value = request.headers[header];
    if (typeof value !== 'string' || value === '') return undefined;
    if (this.#proxySetting === 'unknown') this.#checkProxySetting(request);
    if (!isPeerTrusted(request)) {
      this.#warnOfIgnored(header);
      return undefined;
    }
    const address = normalizeAddress(value, this.ipv6Prefix);
    // A value that is not changed is an address only if it is one of IPv4.
    return address !== value || isIPv4(address) ? address : undefined;
  }

  #warnOfIgnored(header: string): void {
    if (this.#ignoredHeaders.has(header)) return;
    this.#ignoredHeaders.add(header);
    this.warn(
      `The header ${header} was ignored because it came from an address that is not trusted as a proxy; a client may have made it up. ` +
        `If that is your CDN or proxy, all its clients share its address. ${this.howToTrust}`,
    );
  }

  #checkProxySetting(request: HttpRequest): void {
    if (this.#proxySetting === 'unknown') {
      this.#proxySetting = trustsEveryone(request) ? 'checked' : 'watched';
      if (this.#proxySetting === 'checked') this.warn(TRUSTS_EVERYONE);
    }
    const { headers } = request;
    if (this.#proxySetting === 'checked' || (headers['x-forwarded-for'] ?? headers.forwarded) === undefined) return;
    this.#proxySetting = 'checked';
    if (isForwardingIgnored(request)) this.warn(IGNORED + this.howToTrust);
  }

  #warnOfMissing({ socket }: HttpRequest): void {
    const isGone = typeof socket === 'object' && socket !== null && Reflect.get(socket, 'destroyed') === true;
    if (isGone || this.#isWarnedOfMissing) return;
    this.#isWarnedOfMissing = true;
    this.warn(NO_ADDRESS);
  }
}

function isForwardingIgnored({ app, ips, headers }: HttpRequest): boolean {
  if (typeof app === 'function' && 'get' in app && typeof app.get === 'function') return !app.get('trust proxy');
  // A Fastify request has `ips` if proxies are trusted. Since 5.12.1 a hop count trusts none of them.
  return !Array.isArray(ips) || (ips.length < 2 && headers['x-forwarded-for'] !== undefined);
}

/** Returns true if the framework trusts forwarding headers of any sender: it then returns the forged client. */
function trustsEveryone(request: HttpRequest): boolean {
  return ipBehind(request, UNTRUSTED_SENDER, FORGED_CHAIN) === FORGED_CLIENT;
}

/** Returns true if the framework trusts forwarding headers of the peer that sent the request. */
function isPeerTrusted(request: HttpRequest): boolean {
  return ipBehind(request, remoteAddress(request.socket), FORGED_CLIENT) === FORGED_CLIENT;
}

/** Returns the address that the framework finds for a request from this peer with this `X-Forwarded-For`. */
function ipBehind(request: HttpRequest, peer: string, forwardedFor: string): unknown {
  const socket = { remoteAddress: peer };
  const raw = { headers: { 'x-forwarded-for': forwardedFor }, socket, connection: socket };
  try {
    return Reflect.get(request, 'ip', { ...raw, raw, app: request.app });
  } catch {
    return undefined;
  }
}
