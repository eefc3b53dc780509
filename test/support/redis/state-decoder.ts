import type { Cluster, Redis } from 'ioredis';

/** What is under a key: the marker of a state, the server's ms at which the key expires, and the numbers. */
export interface StoredState {
  readonly marker: string;
  readonly expiresMs: number;
  readonly numbers: readonly number[];
}

/** Numbers as text, in all their digits: a client need not read those above 2^32 as they are. */
const READ_LUA = `
local text = redis.call('GET', KEYS[1])
if not text then return nil end
local values = { cmsgpack.unpack(text) }
for i = 2, #values do values[i] = string.format('%.17g', values[i]) end
return values
`;

/** Reads a state as it is packed; nothing where no key is. */
export async function stateUnder(client: Pick<Redis | Cluster, 'eval'>, key: string): Promise<StoredState | null> {
  const values = (await client.eval(READ_LUA, 1, key)) as readonly string[] | null;
  if (values === null) return null;
  const [marker = '', expires, ...numbers] = values;
  return { marker, expiresMs: Number(expires), numbers: numbers.map(Number) };
}
