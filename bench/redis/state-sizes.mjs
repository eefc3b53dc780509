import { connect, connectPlain } from '../lib/redis.mjs';
import { definePolicy, RedisBackend } from '../lib/sluice.mjs';
import { LIMIT } from './limiters.mjs';

/** The subject whose keys are measured, and the name of the policies, which determine the length of a key. */
const SUBJECT = 'user:1000000';
const POLICY = 'a';

const LOG = 'sliding-log';
/** The largest limit of a log. */
const MOST_OF_LOG = 10_000;

/**
 * Bytes of a state after one hit in the prototypes: a header of 16, and the numbers of the strategy. They had no
 * `sliding-log`, whose state grows with the hits.
 */
const PROTOTYPE_BYTES = {
  'sliding-window': 16 + 27 + 9, // the newest segment, its counter, the sum, the oldest; 9 segments between
  'fixed-window': 16 + 13,
  'token-bucket': 16 + 13,
  gcra: 16 + 13,
  'leaky-bucket': 16 + 13,
};

/**
 * Returns the bytes that the server stores for a subject that was charged once, for each strategy (MEMORY USAGE of its
 * key), and those of the prototypes under the same key.
 *
 * @returns {Promise<readonly { strategy: string, key: string, bytes: number, prototypeBytes: number }[]>}
 */
export async function stateSizes({ port }) {
  const client = await connect(port);
  const admin = await connectPlain(port);
  const backend = new RedisBackend(client);
  const sizes = [];
  for (const strategy of [...Object.keys(PROTOTYPE_BYTES), LOG]) {
    await admin.flushall();
    const policy = definePolicy(POLICY, { rate: `${strategy === LOG ? MOST_OF_LOG : LIMIT} per 60000 ms`, strategy });
    await backend.spend([{ policy, subject: SUBJECT, cost: 1 }]);
    const [key] = await admin.keys('*');
    const usage = async () => Number(await admin.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'));
    const bytes = await usage();
    const length = PROTOTYPE_BYTES[strategy];
    if (length !== undefined) await admin.set(key, 'x'.repeat(length), 'PX', 60_000);
    sizes.push({ strategy, key, bytes, prototypeBytes: length === undefined ? Number.NaN : await usage() });
  }
  await backend.close();
  for (const each of [client, admin]) each.disconnect();
  return sizes;
}
