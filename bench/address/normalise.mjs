// A process that measures how the address of a client is converted to a subject.
import { createRequire } from 'node:module';
import { ipKeyGenerator } from 'express-rate-limit';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { normalizeAddress } from '../lib/sluice.mjs';

const require = createRequire(import.meta.url);
const { normalizeIp } = require('@nestjs/throttler/dist/ip.js');

/** As called by each library for every request, with its own default prefix. */
const VARIANTS = {
  sluice: (address) => normalizeAddress(address, 64),
  '@nestjs/throttler': (address) => normalizeIp(address, 64),
  'express-rate-limit': (address) => ipKeyGenerator(address, 56),
};

const CLIENTS = 10_000;
const hex = (i, factor) => ((i * factor) & 0xffff).toString(16);

/** The addresses of many clients as Node reports them, each used repeatedly. */
const ADDRESSES = {
  IPv6: (i) => `2001:db8:${hex(i, 31)}:${hex(i, 7)}:${hex(i, 13)}:${hex(i, 17)}:${hex(i, 19)}:${hex(i, 23)}`,
  'IPv4-mapped': (i) => `::ffff:10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
  IPv4: (i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
};

export let last;

answer({
  async measure({ variant, kind, count }) {
    const normalise = VARIANTS[variant];
    const addresses = Array.from({ length: CLIENTS }, (_, i) => ADDRESSES[kind](i));
    const run = (times) => {
      for (let i = 0; i < times; i++) last = normalise(addresses[i % CLIENTS]);
    };
    run(count / 2);
    const before = cpuMicros();
    run(count);
    return { micros: (cpuMicros() - before) / count };
  },
});
