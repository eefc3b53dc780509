/**
 * An address as a subject: one text for one host. IPv4-mapped (`::ffff:0:0/96`, RFC 4291 2.5.5.2) and NAT64
 * (`64:ff9b::/96`, RFC 6052) addresses become IPv4; other IPv6 is cut to its network, since a host may pick any address
 * in it. A port, and an IPv6 zone, are left out. A text that is no address stays as it is.
 *
 * @param prefix bits of IPv6 that tell networks apart, 1 to 128
 * @example
 * normalizeAddress('2001:db8:1:2:3::4', 64);  // '2001:db8:1:2::/64'
 * normalizeAddress('::ffff:1.2.3.4', 64);     // '1.2.3.4'
 */
export function normalizeAddress(text: string, prefix: number): string {
  const colon = text.indexOf(':');
  if (colon < 0) return text;
  const isIpv4WithPort = text.lastIndexOf(':') === colon && text.indexOf('.') > 0;
  if (isIpv4WithPort) return isIpv4(text.slice(0, colon)) ? text.slice(0, colon) : text;
  const groups = parseIpv6(bare(text));
  if (groups === null) return text;
  if (isPrefix(groups, [0, 0, 0, 0, 0, 0xffff]) || isPrefix(groups, [0x64, 0xff9b, 0, 0, 0, 0]))
    return lastAsIpv4(groups);
  return network(groups, prefix);
}

/** Without the brackets of `[::1]:80` and the zone of `fe80::1%eth0`. */
function bare(text: string): string {
  const inner = text.charCodeAt(0) === 0x5b ? text.slice(1, Math.max(1, text.indexOf(']'))) : text;
  const zone = inner.indexOf('%');
  return zone < 0 ? inner : inner.slice(0, zone);
}

function isIpv4(text: string): boolean {
  return parseIpv4(text) !== null;
}

function parseIpv4(text: string): readonly [number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const [a = 256, b = 256, c = 256, d = 256] = match.slice(1).map(Number);
  return Math.max(a, b, c, d) > 255 ? null : [a * 256 + b, c * 256 + d];
}

/** The eight groups of an IPv6 address (RFC 4291 2.2), or null. */
function parseIpv6(text: string): number[] | null {
  const gap = text.indexOf('::');
  if (gap < 0) return groupsOf(text, 8);
  const head = gap === 0 ? [] : groupsOf(text.slice(0, gap));
  const rest = text.slice(gap + 2);
  const tail = rest === '' ? [] : groupsOf(rest);
  if (head === null || tail === null || head.length + tail.length > 7) return null;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function groupsOf(text: string, count?: number): number[] | null {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = i === parts.length - 1 ? parseIpv4(part) : null;
    if (dotted !== null) groups.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return count === undefined || groups.length === count ? groups : null;
}

function isPrefix(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, i) => groups[i] === group);
}

function lastAsIpv4(groups: readonly number[]): string {
  const [high = 0, low = 0] = groups.slice(6);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function network(groups: readonly number[], prefix: number): string {
  const kept = Math.ceil(prefix / 16);
  const spare = kept * 16 - prefix;
  const masked = groups.slice(0, kept);
  masked[kept - 1] = ((masked[kept - 1] ?? 0) >> spare) << spare;
  const text = masked.map((group) => group.toString(16)).join(':');
  return kept === 8 ? `${text}/${prefix}` : `${text}::/${prefix}`;
}
