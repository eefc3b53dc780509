import { createHash } from 'node:crypto';

/** A minimal rate limiter: a bare fixed window for each key, with one string as the reply. */
const SCRIPT = `
local reply = {}
for i = 1, #KEYS do
  local count = redis.call('INCR', KEYS[i])
  local left = redis.call('PTTL', KEYS[i])
  if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
  reply[i] = struct.pack('<dd', count, left)
end
return table.concat(reply)`;
const SHA = createHash('sha1').update(SCRIPT).digest('hex');
const MOST_CALLS = 128;
/** Bytes of the reply for a key: its count and the remaining milliseconds. */
const BYTES_A_KEY = 16;

export async function loadFloor(client) {
  await client.script('LOAD', SCRIPT);
}

function decode(reply, from, keys) {
  const decisions = [];
  for (let at = from; decisions.length < keys; at += BYTES_A_KEY) {
    decisions.push({ count: reply.readDoubleLE(at), leftMs: reply.readDoubleLE(at + 8) });
  }
  return decisions;
}

/** Sends one command per call. */
export function askOne(client, windowMs) {
  const window = String(windowMs);
  return async (keys) => decode(await client.evalshaBuffer(SHA, keys.length, ...keys, window), 0, keys.length);
}

/** Sends calls that arrive while a run is in flight together in the next run. */
export function askMany(client, windowMs) {
  const window = String(windowMs);
  let waiting = [];
  let isBusy = false;

  async function send() {
    isBusy = true;
    while (waiting.length > 0) {
      const calls = waiting.slice(0, MOST_CALLS);
      waiting = waiting.slice(MOST_CALLS);
      const keys = calls.flatMap((call) => call.keys);
      const reply = await client.evalshaBuffer(SHA, keys.length, ...keys, window);
      let at = 0;
      for (const call of calls) {
        call.resolve(decode(reply, at, call.keys.length));
        at += BYTES_A_KEY * call.keys.length;
      }
    }
    isBusy = false;
  }

  return (keys) =>
    new Promise((resolve, reject) => {
      waiting.push({ keys, resolve });
      if (!isBusy) send().catch(reject);
    });
}
