import { isIPv4 } from 'node:net';

/**
 * Returns the canonical form of an address, one for each host. IPv4-mapped (`::ffff:0:0/96`, RFC 4291 2.5.5.2) and
 * NAT64 (`64:ff9b::/96`, RFC 6052) addresses become IPv4. Other IPv6 addresses are cut to their network, since a host
 * may use any address in it, and written as in RFC 5952. Ports and IPv6 zones are dropped. A string that is not an
 * address is returned unchanged.
 *
 * @param prefix the number of bits of an IPv6 address that identify a network, 1 to 128
 * @example
 * normalizeAddress('2001:db8:1:2:3::4', 64);  // '2001:db8:1:2::/64'
 * normalizeAddress('::ffff:1.2.3.4', 64);     // '1.2.3.4'
 */
export function normalizeAddress(text: string, prefix: number): string {
  if (!text.includes(':')) return text;
  if (readGroups(text)) return formatGroups(prefix);
  const [, bracketed, beforePort] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(text) ?? [];
  if (beforePort !== undefined) return isIPv4(beforePort) ? beforePort : text;
  return bracketed !== undefined && readGroups(bracketed) ? formatGroups(prefix) : text;
}

const COLON = 0x3a;
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * The groups of the last address that was parsed. Reused, since an address is parsed and formatted without
 * interruption.
 */
const groups = new Uint16Array(8);

/**
 * Parses an IPv6 address (RFC 4291 2.2) without its zone (RFC 4007 11) into `groups`. Returns false if it is invalid;
 * the content of `groups` is then undefined.
 */
function readGroups(text: string): boolean {
  const zone = text.indexOf('%');
  const end = zone < 0 ? text.length : zone;
  const startsWithGap = text.startsWith('::');
  let at = startsWithGap ? 2 : 0;
  let count = 0;
  /** The number of groups before the `::`; -1 if there is none. */
  let gap = startsWithGap ? 0 : -1;
  while (at < end || count !== gap) {
    const start = at;
    let group = 0;
    for (; at < end; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      group = (group << 4) | digit;
    }
    if (at < end && text.charCodeAt(at) === DOT) {
      if (count > 6 || !readDotted(text, start, end, count)) return false;
      count += 2;
      break;
    }
    if (count === 8 || at === start || at > start + 4) return false;
    groups[count++] = group;
    if (at === end) break;
    if (text.charCodeAt(at++) !== COLON) return false;
    if (at < end && text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at += 1;
    }
  }
  if (gap < 0) return count === 8;
  // The `::` stands for at least one group.
  if (count === 8) return false;
  for (let to = 7, from = count - 1; to >= gap; to--, from--) groups[to] = from < gap ? 0 : (groups[from] ?? 0);
  return true;
}

/** Parses the IPv4 address at the end of an IPv6 address into the groups `index` and `index + 1`. */
function readDotted(text: string, start: number, end: number, index: number): boolean {
  let at = start;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0 && (at === end || text.charCodeAt(at++) !== DOT)) return false;
    const first = at;
    let value = 0;
    for (; at < end; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const isPadded = at > first + 1 && text.charCodeAt(first) === ZERO;
    if (at === first || isPadded || value > 255) return false;
    const group = index + (octet >> 1);
    groups[group] = octet % 2 === 0 ? value << 8 : (groups[group] ?? 0) | value;
  }
  return at === end;
}

/** Returns the value of a hexadecimal digit, or -1 for any other character. */
function hexDigit(code: number): number {
  return code < 128 ? (DIGITS[code] ?? -1) : -1;
}

const DIGITS = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  DIGITS[text.charCodeAt(0)] = digit;
  DIGITS[text.toUpperCase().charCodeAt(0)] = digit;
}

function formatGroups(prefix: number): string {
  if (isIpv4InIpv6()) {
    const [high, low] = [groupAt(6), groupAt(7)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  cutToNetwork(prefix);
  // RFC 5952 4.2: shortens the longest run of at least two zero groups; if several are equally long, the first.
  let gap = -1;
  let gapLength = 1;
  for (let i = 0; i < 8; i++) {
    const start = i;
    while (i < 8 && groupAt(i) === 0) i++;
    if (i - start <= gapLength) continue;
    gap = start;
    gapLength = i - start;
  }
  let network = '';
  for (let i = 0; i < 8; i++) {
    if (i === gap) {
      network += i === 0 ? '::' : ':';
      i += gapLength - 1;
    } else {
      network += i === 7 ? hex(groupAt(i)) : `${hex(groupAt(i))}:`;
    }
  }
  return `${network}/${prefix}`;
}

function cutToNetwork(prefix: number): void {
  const kept = Math.ceil(prefix / 16);
  const spare = kept * 16 - prefix;
  groups[kept - 1] = (groupAt(kept - 1) >> spare) << spare;
  groups.fill(0, kept);
}

function isIpv4InIpv6(): boolean {
  if ((groupAt(2) | groupAt(3) | groupAt(4)) !== 0) return false;
  const [first, second, sixth] = [groupAt(0), groupAt(1), groupAt(5)];
  return (first === 0 && second === 0 && sixth === 0xffff) || (first === 0x64 && second === 0xff9b && sixth === 0);
}

function groupAt(index: number): number {
  return groups[index] ?? 0;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16));
const PADDED_BYTES = BYTES.map((byte) => byte.padStart(2, '0'));

/** Uses tables: `toString(16)` costs more than the rest of the formatting. */
function hex(group: number): string {
  const low = group & 255;
  return group === low ? (BYTES[low] ?? '') : `${BYTES[group >> 8]}${PADDED_BYTES[low]}`;
}
