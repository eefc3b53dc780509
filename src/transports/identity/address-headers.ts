import { sharedState } from '../../core/copies.js';
import { invalidArgument, ThrottleConfigError } from '../../core/errors.js';
import { missingValue } from '../../core/value-options.js';
import type { By } from '../call.js';

/** The headers that a framework's proxy setting reads. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded'];

/** The headers in which CDNs and proxies write the address of the client. A client can also send them itself. */
const ADDRESS_HEADERS = [
  'cf-connecting-ip', // Cloudflare
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'true-client-ip', // Akamai, Cloudflare
  'fastly-client-ip',
  'cloudfront-viewer-address',
  'x-azure-clientip', // Azure Front Door
  'x-azure-socketip',
  'x-appengine-user-ip',
  'x-envoy-external-address',
  'x-nf-client-connection-ip', // Netlify
  'x-vercel-forwarded-for',
  'x-vercel-proxied-for',
  'x-original-forwarded-for',
  'fly-client-ip',
  'do-connecting-ip', // DigitalOcean
  'x-real-ip', // nginx
  'x-client-ip',
  'x-cluster-client-ip',
  'client-ip',
];

const readAsText = sharedState('headers-read-as-text', () => new WeakMap<By, readonly string[]>());

/** Records that a `By` uses the values of these headers without a check. */
export function markHeaders(by: By, headers: readonly string[]): By {
  if (headers.length > 0) readAsText.set(by, headers);
  return by;
}

/** Returns the headers that a `By`, and those that it consists of, use without a check. */
export function headersOf(by: By): readonly string[] {
  return readAsText.get(by) ?? [];
}

/** Returns a warning if a `By` uses an address header without checking its sender. */
export function addressHeaderWarning(place: string, by: By): string | undefined {
  const headers = headersOf(by);
  const forwarding = headers.find((header) => FORWARDING_HEADERS.includes(header));
  const header = forwarding ?? headers.find((one) => ADDRESS_HEADERS.includes(one));
  if (header === undefined) return undefined;
  const fix =
    forwarding === undefined
      ? `by.ip({ header: "${header}" }), which uses it only if a trusted proxy sent it`
      : 'by.ip(), which uses it as the trust-proxy setting of the application says';
  return `${place}: by.header("${header}") uses an address that any client can make up, so clients can evade the limit. Write ${fix}.`;
}

/**
 * Checks the header of `by.ip({ header })`, and returns it in lower case.
 *
 * @throws ThrottleConfigError if it is not a header name, or if the framework's proxy setting reads it
 */
export function checkedAddressHeader(header: unknown): string {
  const expected = 'the name of a header such as "cf-connecting-ip"';
  if (header === undefined)
    throw missingValue('by.ip({ header })', expected, "Leave the options out for the framework's own address.");
  if (typeof header !== 'string' || header === '') throw invalidArgument('by.ip({ header })', expected, header);
  const name = header.toLowerCase();
  if (!FORWARDING_HEADERS.includes(name)) return name;
  throw new ThrottleConfigError(
    'SLUICE_PROXY_HEADER',
    `by.ip({ header }): "${name}" is read by the trust-proxy setting of the application. ` +
      'Configure there which proxies are trusted, and write by.ip().',
  );
}
