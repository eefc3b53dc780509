import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normalizeAddress } from '../../../src/transports/identity/ip-address.js';

const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
/** An address that is neither IPv4-mapped nor NAT64: its first group is that of neither. */
const nativeGroups = groups.map(([, ...rest]) => [0x2001, ...rest]);

const hex = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((group) => group.toString(16)),
  fc.constantFrom('0', '0000', '00AB', 'ffff', 'FFFF', '64', 'ff9b', '10000'),
);
const dotted = fc.oneof(
  ipv4,
  fc.constantFrom('1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.00', '1..3.4', '1.2.3.a'),
);
const some = fc.array(hex, { maxLength: 8 });
const host = fc
  .tuple(some, fc.constantFrom('::', ':', ''), some, fc.option(dotted))
  .map(([head, gap, tail, end]) => `${head.join(':')}${gap}${[...tail, ...(end === null ? [] : [end])].join(':')}`);
const held = fc
  .tuple(
    fc.constantFrom('::ffff:', '64:ff9b::', '0:0:0:0:0:FFFF:', '::'),
    fc.oneof(
      dotted,
      fc.tuple(hex, hex).map(([a, b]) => `${a}:${b}`),
    ),
  )
  .map((parts) => parts.join(''));
const decorated = fc
  .tuple(
    fc.constantFrom('', '', '', '['),
    fc.oneof(host, held, dotted),
    fc.constantFrom('', '', '', '%eth0', '%', '%a:80', ']', ']:80', '%1]:80', ']80', ':80', ':', '/64', '\n'),
  )
  .map((parts) => parts.join(''));
/** Addresses, and texts that are one but for a character. */
const almost = fc
  .tuple(
    decorated,
    fc.nat(),
    fc.constantFrom('', '', ':', '.', 'f', '0', 'g', '%', '[', ' ', '\u0661'),
    fc.constantFrom(0, 1),
  )
  .map(([text, at, put, taken]) => {
    const index = at % (text.length + 1);
    return put === '' ? text : text.slice(0, index) + put + text.slice(index + taken);
  });

const write = (parts: readonly number[]) => parts.map((part) => part.toString(16)).join(':');
const bitsOf = (parts: readonly number[]) => parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);

/** The bits of a network as it is written, `2001:db8::/32`: a reader of its own, which knows nothing of ours. */
function readNetwork(text: string): { readonly bits: bigint; readonly prefix: number } {
  const [address = '', prefix] = text.split('/');
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = new Array<string>(8 - before.length - after.length).fill('0');
  const parts = [...before, ...middle, ...after].map((part) => Number.parseInt(part, 16));
  return { bits: bitsOf(parts), prefix: Number(prefix) };
}

describe('normalizeAddress', () => {
  it.each([
    ['IPv4', '1.2.3.4', '1.2.3.4'],
    ['IPv4 with a port', '1.2.3.4:5678', '1.2.3.4'],
    ['the loopback', '::1', '::/64'],
    ['no address in particular', '::', '::/64'],
    ['IPv6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['IPv6, shortened', '2001:db8::6', '2001:db8::/64'],
    ['IPv6, shortened at its end', '2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['IPv6, shortened by one group', '2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
    ['IPv6 in capitals and with zeros', '2001:0DB8:0001:0002::00AB', '2001:db8:1:2::/64'],
    ['IPv6 in brackets', '[2001:db8:1:2::4]', '2001:db8:1:2::/64'],
    ['IPv6 in brackets, with a port', '[2001:db8:1:2::4]:8080', '2001:db8:1:2::/64'],
    ['IPv6 with a zone', 'fe80::1%eth0', 'fe80::/64'],
    ['IPv6 with a zone, in brackets', '[fe80::1%eth0]:80', 'fe80::/64'],
    ['IPv6 that ends in dots', '2001:db8::1.2.3.4', '2001:db8::/64'],
    ['IPv6 whole, that ends in dots', '2001:db8:1:2:3:4:1.2.3.4', '2001:db8:1:2::/64'],
    ['IPv4-mapped', '::ffff:1.2.3.4', '1.2.3.4'],
    ['IPv4-mapped in hex', '::ffff:102:304', '1.2.3.4'],
    ['IPv4-mapped in capitals', '::FFFF:C0A8:FF', '192.168.0.255'],
    ['IPv4-mapped, whole', '0:0:0:0:0:ffff:0102:0304', '1.2.3.4'],
    ['IPv4-mapped in brackets, with a port', '[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['NAT64', '64:ff9b::1.2.3.4', '1.2.3.4'],
    ['NAT64 in hex', '64:ff9b::102:304', '1.2.3.4'],
    ['another NAT64 prefix', '64:ff9b:1::1.2.3.4', '64:ff9b:1::/64'],
    ['IPv4-compatible', '::1.2.3.4', '::/64'],
    ['IPv4-translated', '::ffff:0:1.2.3.4', '::/64'],
  ])('returns one string for each host: %s', (_kind, text, subject) => {
    expect(normalizeAddress(text, 64)).toBe(subject);
  });

  it.each([
    '',
    'unknown',
    'localhost',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::1',
    '-1::',
    '2001:db8::1.2.3.256',
    '2001:db8::1.2.3',
    '1.2.3.4::1',
    '1:1.2.3.4::',
    '1.2.3.4:5:6:7:8:9:a',
    '1.2.3.4:',
    '1.2.3.4:port',
    '1.2.3.256:80',
    '1.2.3:80',
    'example.com:80',
    '[::1',
    '[]:80',
    '[1.2.3.4]:80',
    '[::1]80',
    '::1]',
    '%eth0',
    '::1/64',
    ' ::1',
  ])('returns a string that is not an address unchanged: %j', (text) => {
    expect(normalizeAddress(text, 64)).toBe(text);
  });

  it('recognizes the same addresses as Node', () => {
    fc.assert(
      fc.property(almost, (text) => {
        const host = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text;
        const isAddress = isIPv6(host.replace(/%.*$/s, '')) || isIPv4(text.replace(/:\d+$/, ''));
        const isPlainIpv4 = isIPv4(text);
        expect(normalizeAddress(text, 64) !== text).toBe(isAddress && !isPlainIpv4);
      }),
      { numRuns: 20_000 },
    );
  });

  it('parses an address like URL', () => {
    fc.assert(
      fc.property(almost.filter(isIPv6), fc.integer({ min: 1, max: 128 }), (text, prefix) => {
        const { hostname } = new URL(`http://[${text.replace(/%.*$/s, '')}]`);
        expect(normalizeAddress(text, prefix)).toBe(normalizeAddress(hostname, prefix));
        const found = normalizeAddress(text, 128);
        if (found.includes(':')) expect(readNetwork(found).bits).toBe(readNetwork(hostname.slice(1, -1)).bits);
      }),
      { numRuns: 2000 },
    );
  });

  it('cuts an address to its network at every prefix', () => {
    for (let prefix = 1; prefix <= 128; prefix++) {
      const mask = ((1n << BigInt(prefix)) - 1n) << BigInt(128 - prefix);
      fc.assert(
        fc.property(nativeGroups, (parts) => {
          expect(readNetwork(normalizeAddress(write(parts), prefix))).toEqual({ bits: bitsOf(parts) & mask, prefix });
        }),
        { numRuns: 20 },
      );
    }
  });

  it.each([
    [1, '8000::/1'],
    [16, 'ffff::/16'],
    [17, 'ffff:8000::/17'],
    [56, 'ffff:ffff:ffff:ff00::/56'],
    [112, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:0/112'],
    [113, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:8000/113'],
    [128, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'],
  ])('cuts to a prefix of %i: %s', (prefix, subject) => {
    expect(normalizeAddress('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', prefix)).toBe(subject);
  });

  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1/128'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1/128'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1/128'],
    ['1:0:0:0:0:0:0:0', '1::/128'],
    ['0:0:1:0:0:0:0:0', '0:0:1::/128'],
    ['0:0:0:0:0:1:0:0', '::1:0:0/128'],
  ])('shortens the first of the longest runs of zeros: %s', (text, subject) => {
    expect(normalizeAddress(text, 128)).toBe(subject);
  });

  it('writes a network as in RFC 5952, like URL', () => {
    const group = fc.constantFrom(0, 0, 0, 1, 0xdb8, 0xffff);
    const sparse = fc.array(group, { minLength: 7, maxLength: 7 }).map((rest) => [0x2001, ...rest]);
    fc.assert(
      fc.property(sparse, fc.integer({ min: 1, max: 128 }), (parts, prefix) => {
        const network = normalizeAddress(write(parts), prefix);
        const { hostname } = new URL(`http://[${network.replace(/\/\d+$/, '')}]`);
        expect(network).toBe(`${hostname.slice(1, -1)}/${prefix}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same within a network, and different for the next network', () => {
    const host = (i: number) => `2001:db8:1:2:${(i * 7919).toString(16).slice(-4)}:${i.toString(16)}::${i % 97}`;
    const subjects = new Set(Array.from({ length: 10_000 }, (_, i) => normalizeAddress(host(i), 64)));
    expect([...subjects]).toEqual(['2001:db8:1:2::/64']);
    expect(normalizeAddress('2001:db8:1:3::', 64)).toBe('2001:db8:1:3::/64');
  });

  it('returns the IPv4 address in an IPv6 address, at every prefix', () => {
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 1, max: 128 }), fc.integer({ min: 0, max: 65_535 }), (text, prefix, port) => {
        const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
        const hex = write([a * 256 + b, c * 256 + d]);
        const forms = [
          text,
          `${text}:${port}`,
          `::ffff:${text}`,
          `::ffff:${hex}`,
          `64:ff9b::${text}`,
          `64:ff9b::${hex}`,
        ];
        expect(forms.map((form) => normalizeAddress(form, prefix))).toEqual(forms.map(() => text));
      }),
    );
  });

  it('is the same for every spelling of an address', () => {
    const written = nativeGroups.chain((parts) =>
      fc
        .constantFrom(
          write(parts),
          write(parts).toUpperCase(),
          parts.map((part) => part.toString(16).padStart(4, '0')).join(':'),
          new URL(`http://[${write(parts)}]`).hostname,
          `${write(parts)}%1`,
        )
        .map((text) => [write(parts), text] as const),
    );
    fc.assert(fc.property(written, ([plain, text]) => normalizeAddress(text, 128) === normalizeAddress(plain, 128)));
  });
});
