import { createHash } from 'node:crypto';

/** A bare fixed window for each key: the least that could honestly be called a rate limiter. */
const SCRIPT = `
local reply = {}
for i = 1, #KEYS do
  local count = redis.call('INCR', KEYS[i])
  local left = redis.call('PTTL', KEYS[i])
  if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('PEXPIRE', KEYS[i], left)
  end
  reply[2 * i - 1], reply[2 * i] = count, left
end
return reply`;
const SHA = createHash('sha1').update(SCRIPT).digest('hex');
const MOST_CALLS = 128;

export async function loadFloor(client) {
  await client.script('LOAD', SCRIPT);
}

/** One command a call. */
export function askOne(client, windowMs) {
  return (keys) => client.evalsha(SHA, keys.length, ...keys, windowMs);
}

/** Calls that come while a run is under way go together in the next one. */
export function askMany(client, windowMs) {
  let waiting = [];
  let isBusy = false;

  async function send() {
    isBusy = true;
    while (waiting.length > 0) {
      const calls = waiting.slice(0, MOST_CALLS);
      waiting = waiting.slice(MOST_CALLS);
      const keys = calls.flatMap((call) => call.keys);
      const reply = await client.evalsha(SHA, keys.length, ...keys, windowMs);
      let at = 0;
      for (const call of calls) {
        call.resolve(reply.slice(at, at + 2 * call.keys.length));
        at += 2 * call.keys.length;
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
