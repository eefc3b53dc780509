import { BlockList, isIP } from 'node:net';
import { invalidValue } from '../../core/errors.js';
import type { HttpRequest } from '../call.js';

/**
 * The proxies whose `X-Forwarded-For` is trusted: none (`false`), all (`true`), a number of hops, addresses and
 * networks (`'10.0.0.0/8'`, `'loopback'`, `'linklocal'`, `'uniquelocal'`; several in an array, or joined by commas), or
 * a function of an address and its hop.
 */
export type TrustProxy = boolean | number | string | readonly string[] | Trusts;

/** Returns true if a host is a trusted proxy. The nearest host is hop 0. */
export type Trusts = (address: string, hop: number) => boolean;

const EXPECTED =
  'true, false, a number of hops, addresses or networks such as "10.0.0.0/8" or "loopback", or a function of address and hop';

const NETWORKS = new Map<string, readonly string[]>([
  ['loopback', ['127.0.0.0/8', '::1']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
]);

/**
 * Compiles a setting to a function.
 *
 * @throws ThrottleConfigError naming `place` if the setting is invalid
 */
export function compileTrust(place: string, setting: TrustProxy): Trusts {
  if (typeof setting === 'boolean') return () => setting;
  if (typeof setting === 'function') return setting;
  if (typeof setting === 'number') {
    if (Number.isSafeInteger(setting) && setting >= 0) return (_address, hop) => hop < setting;
    throw invalidValue(place, EXPECTED, setting);
  }
  const entries = typeof setting === 'string' ? setting.split(',') : setting;
  if (!Array.isArray(entries) || entries.length === 0) throw invalidValue(place, EXPECTED, setting);
  const trusted = new BlockList();
  for (const entry of entries) {
    const name = typeof entry === 'string' ? entry.trim() : '';
    for (const network of NETWORKS.get(name) ?? [name]) {
      if (!addNetwork(trusted, network)) throw invalidValue(place, EXPECTED, entry);
    }
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/**
 * The number of characters of `X-Forwarded-For` that are read, from its end: some 200 IPv6 addresses, far more than
 * proxies add. Node accepts headers of 16 KB or more, and each address in them costs a look-up in the trusted networks.
 */
const MAX_FORWARDED_LENGTH = 8192;

/** Returns an upgrade request whose `ip` is the nearest host that is not trusted. */
export function proxiedRequest({ headers, socket }: HttpRequest, trusts: Trusts): HttpRequest {
  return {
    headers,
    socket,
    get ip() {
      return hopsOf(this, trusts).at(-1) ?? '';
    },
    get ips() {
      return hopsOf(this, trusts);
    },
  };
}

/** Returns the hosts that a request came through, from the nearest to the first that is not trusted. */
function hopsOf({ headers, socket }: HttpRequest, trusts: Trusts): readonly string[] {
  const chain = [remoteAddress(socket), ...forwardedFor(headers)];
  const end = chain.findIndex((address, hop) => !trusts(address, hop));
  return end < 0 ? chain : chain.slice(0, end + 1);
}

/** Returns the address at the other end of a socket, or `''` if it has none. */
export function remoteAddress(socket: unknown): string {
  const address: unknown = typeof socket === 'object' && socket !== null ? Reflect.get(socket, 'remoteAddress') : '';
  return typeof address === 'string' ? address : '';
}

/** Returns the hosts of `X-Forwarded-For`, nearest first. The header names the farthest first. */
function forwardedFor(headers: HttpRequest['headers']): readonly string[] {
  const header = headers['x-forwarded-for'];
  if (header === undefined) return [];
  const text = String(header);
  const end = text.slice(-MAX_FORWARDED_LENGTH);
  // Drops the first address after the cut, which may be incomplete.
  return (end.length === text.length ? end : end.slice(end.indexOf(',') + 1 || end.length))
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
    .reverse();
}

/** Adds an address or a network. Returns false if it is neither. */
function addNetwork(list: BlockList, network: string): boolean {
  const [address = '', bits, more] = network.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (bits === undefined) list.addAddress(address, type);
  else if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  else list.addSubnet(address, Number(bits), type);
  return true;
}
