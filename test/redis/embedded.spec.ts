import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { definePolicy, ManualClock, MemoryBackend, RedisBackend } from '../../src/index.js';
import { strategies } from '../parity/random-trace.js';
import { ownRedis } from '../support/own-redis.js';

jest.setTimeout(60_000);

const root = new URL('../../', import.meta.url);
const script = new URL('scripts/embed-lua.mjs', root).href;
const ENTRIES = ['lease.lua', 'settle.lua', 'spend.lua'];

/** The Lua files, without comments. */
const files = new Map(
  readdirSync(new URL('lua/', root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lua'))
    .map((file) => [file.replaceAll('\\', '/'), readFileSync(new URL(`lua/${file}`, root), 'utf8')] as const)
    .map(([file, text]) => [file, text.replace(/--.*$/gm, '')]),
);

/** Every file in which a pattern is found, with what was found. */
function found(pattern: RegExp): Readonly<Record<string, readonly string[]>> {
  const all = [...files].map(([file, text]) => [file, [...text.matchAll(pattern)].map(([match]) => match)] as const);
  return Object.fromEntries(all.filter(([, matches]) => matches.length > 0).sort());
}

describe('the embedded Lua', () => {
  it('is what scripts/embed-lua.mjs makes of lua/ now, to the byte', async () => {
    const { generate, GENERATED }: { generate(): string; GENERATED: URL } = await import(script);
    const generated = readFileSync(GENERATED, 'utf8');
    expect(generated).toBe(generate());
    expect(GENERATED.href).toBe(new URL('src/backends/redis-lua.generated.ts', root).href);
    for (const file of files.keys()) {
      const text = JSON.stringify(readFileSync(new URL(`lua/${file}`, root), 'utf8')).slice(1, -1);
      expect(generated.includes(text)).toBe(true);
    }
  });

  it('is of the entry scripts, state.lua and one file a strategy, the buckets in one', () => {
    expect([...files.keys()].sort()).toEqual([
      'lease.lua',
      'settle.lua',
      'spend.lua',
      'state.lua',
      'strategies/bucket.lua',
      'strategies/fixed-window.lua',
      'strategies/sliding-log.lua',
      'strategies/sliding-window.lua',
    ]);
  });

  it('touches Redis only in the entry scripts', () => {
    expect(Object.keys(found(/\bredis\b/g))).toEqual(ENTRIES);
    // Nor by another way: nothing but the arithmetic of Lua, its strings and its tables.
    expect(found(/\b(?:_G|getfenv|setfenv|loadstring|load|cjson|cmsgpack|bit|struct|os|rawset)\b\s*[.[(]/g)).toEqual(
      {},
    );
  });

  it('asks for the time once a script', () => {
    expect(found(/redis\.p?call\('TIME'\)/g)).toEqual({
      'lease.lua': ["redis.call('TIME')"],
      'settle.lua': ["redis.call('TIME')"],
      'spend.lua': ["redis.call('TIME')"],
    });
  });

  it('calls TIME, GET, SET and DEL, and nothing else', () => {
    const commands = new Set(Object.values(found(/redis\.p?call\([^,)]*/g)).flat());
    expect([...commands].map((call) => call.replace(/^redis\.p?call\('/, '')).sort()).toEqual(
      ["DEL'", "GET'", "GET'", "SET'", "TIME'"].sort(),
    );
    expect(found(/redis\.(?!p?call\()\w*/g)).toEqual({});
  });

  it('makes text of a number by %.0f alone, and of anything else in errors alone', () => {
    expect([...new Set(Object.values(found(/string\.format\([^,]*/g)).flat())].sort()).toEqual([
      "string.format('%.0f'",
      "string.format('%s %.0f %.0f'",
      "string.format(string.rep(' %.0f'",
    ]);
    const told = [...files.values()].flatMap((text) => text.split('\n').filter((line) => line.includes('tostring(')));
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((line) => !/\berror\('sluice: [^']*' \.\. tostring\(\w+(?:\.\w+)*\)\)/.test(line))).toEqual([]);
  });

  it('joins with .. only what is text', () => {
    const joined = [...files.values()].flatMap((text) => text.split('\n').filter((line) => /[^.]\.\.[^.]/.test(line)));
    expect(joined.filter((line) => !line.includes('error(')).map((line) => line.trim())).toEqual([]);
  });
});

describe('the scripts as Redis runs them', () => {
  const redis = ownRedis();

  it('ask for the time once a run, however many calls and charges are in it', async () => {
    const backend = new RedisBackend(redis.client, { timeoutMs: 5000 });
    const policies = ['a', 'b', 'c'].map((name) => definePolicy(name, '1000/min'));
    const charges = policies.map((policy) => ({ policy, subject: 'ada', cost: 1 }));
    await backend.spend(charges);
    await redis.resetCounts();
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => backend.spend(charges)));
    for (const { receipt } of outcomes.slice(0, 10)) if (receipt) await backend.settle(receipt, [0, 0, 0]);
    expect([await redis.calls('evalsha'), await redis.calls('time')]).toEqual([12, 12]);
  });

  it.each(strategies)('write whole numbers in digits, however large they are: %s', async (strategy) => {
    const limit = strategy === 'sliding-log' ? 10_000 : 2 ** 21 - 1;
    const policy = definePolicy('large', {
      rate: `${limit}/${2 ** 30}ms`,
      strategy,
      ...(strategy === 'gcra' && { burst: limit }),
    });
    const clock = new ManualClock(2 ** 51 + 1);
    const [memory, backend] = [
      new MemoryBackend({ clock }),
      new RedisBackend(redis.client, { clock, prefix: strategy }),
    ];
    for (const cost of [1, limit - 2, 1, 1, limit + 1]) {
      const charges = [{ policy, subject: 'ada', cost }];
      expect(await backend.spend(charges)).toEqual(memory.spend(charges));
      clock.advance(1);
    }
    const text = await redis.client.get(`${strategy}:{ada}:large@app`);
    expect(text).toMatch(/^[a-z-]+( \d+)+$/);
    expect(text?.startsWith(`${policy.shape} `)).toBe(true);
    expect(await redis.client.pttl(`${strategy}:{ada}:large@app`)).toBeGreaterThan(3_500_000);
    await memory.close();
  });

  it('give a key a time to live that is more than 2^50 ms away', async () => {
    const policy = definePolicy('long', { rate: `1/${2 ** 50}ms`, strategy: 'fixed-window' });
    const clock = new ManualClock(0);
    const backend = new RedisBackend(redis.client, { clock, prefix: 'long' });
    const { decisions } = await backend.spend([{ policy, subject: 'ada', cost: 1 }]);
    expect(decisions[0]?.resetMs).toBe(2 ** 50);
    const ttl = await redis.client.pttl('long:{ada}:long@app');
    expect(ttl).toBeGreaterThan(2 ** 50 + 3_590_000);
    expect(ttl).toBeLessThanOrEqual(2 ** 50 + 3_600_000);
    expect(await redis.client.get('long:{ada}:long@app')).toBe(`fixed-window ${2 ** 50} 1 0 1`);
  });
});
