import { isIPv4, isIPv6 } from 'node:net';

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
  if (!text.includes(':')) return text;
  const [, bracketed, beforePort] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(text) ?? [];
  if (beforePort !== undefined) return isIPv4(beforePort) ? beforePort : text;
  const [address = ''] = (bracketed ?? text).split('%'); // behind the percent sign is the zone
  if (!isIPv6(address)) return text;
  const groups = groupsOf(address);
  if (isPrefix(groups, [0, 0, 0, 0, 0, 0xffff]) || isPrefix(groups, [0x64, 0xff9b, 0, 0, 0, 0]))
    return lastAsIpv4(groups);
  return network(groups, prefix);
}

/** The eight groups of an IPv6 address (RFC 4291 2.2). */
function groupsOf(address: string): readonly number[] {
  const [head = [], tail = []] = address.split('::').map(writtenGroups);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function writtenGroups(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return Number.parseInt(part, 16);
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
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
