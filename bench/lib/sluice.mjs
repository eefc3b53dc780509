import { pathToFileURL } from 'node:url';

/** The build that is measured. A run copies dist first, so that all of its rounds measure the same code. */
const dist = process.env.BENCH_DIST
  ? pathToFileURL(`${process.env.BENCH_DIST}/`)
  : new URL('../../dist/esm/', import.meta.url);

export const {
  by,
  definePolicy,
  MemoryBackend,
  RedisBackend,
  systemClock,
  ThrottleGuard,
  ThrottleModule,
  ThrottleService,
} = await import(new URL('index.js', dist));

/** Not exported by the package. */
export const { normalizeAddress } = await import(new URL('transports/identity/ip-address.js', dist));
