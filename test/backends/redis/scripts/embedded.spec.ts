import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { definePolicy, ManualClock, MemoryBackend, RedisBackend } from '../../../../src/index.js';
import { strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';
import { LUA_FILES } from './support/lua-files.js';

const root = new URL('../../../../', import.meta.url);
const script = new URL('scripts/build-lua.mjs', root).href;

/** The Lua files, without comments. */
const files = new Map(
  readdirSync(new URL('lua/', root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lua'))
    .map((file) => [file.replaceAll('\\', '/'), readFileSync(new URL(`lua/${file}`, root), 'utf8')] as const)
    .map(([file, text]) => [file, text.replace(/--.*$/gm, '')]),
);

/** Returns the matches of a pattern, by file. */
function found(pattern: RegExp): Readonly<Record<string, readonly string[]>> {
  const all = [...files].map(([file, text]) => [file, [...text.matchAll(pattern)].map(([match]) => match)] as const);
  return Object.fromEntries(all.filter(([, matches]) => matches.length > 0).sort());
}

describe('the embedded Lua', () => {
  it('equals what scripts/build-lua.mjs makes of lua/, byte for byte', async () => {
    const { generate, GENERATED }: { generate(): string; GENERATED: URL } = await import(script);
    const generated = readFileSync(GENERATED, 'utf8');
    expect(generated).toBe(generate());
    expect(GENERATED.href).toBe(new URL('src/backends/redis/scripts/lua.generated.ts', root).href);
    for (const file of files.keys()) {
      const text = JSON.stringify(readFileSync(new URL(`lua/${file}`, root), 'utf8')).slice(1, -1);
      expect(generated.includes(text)).toBe(true);
    }
  });

  it('has one file per script, per strategy and per shared part; the buckets share one', () => {
    expect([...files.keys()].sort()).toEqual([
      'lib/calls.lua',
      'lib/clock.lua',
      'lib/policies.lua',
      'lib/replies.lua',
      'lib/states.lua',
      'scripts/lease.lua',
      'scripts/settle.lua',
      'scripts/spend.lua',
      'strategies/bucket.lua',
      'strategies/fixed-window.lua',
      'strategies/sliding-log.lua',
      'strategies/sliding-window.lua',
    ]);
  });

  it('names the strategies of each file as the file does', async () => {
    const { STRATEGIES_LUA } = await import('../../../../src/backends/redis/scripts/lua.generated.js');
    expect(STRATEGIES_LUA.map(({ names }) => names)).toEqual([
      ['fixed-window'],
      ['sliding-window'],
      ['sliding-log'],
      ['token-bucket', 'gcra', 'leaky-bucket'],
    ]);
    expect(STRATEGIES_LUA.flatMap(({ names }) => names).sort()).toEqual([...strategies].sort());
  });

  it('reads and writes keys in lib/states.lua, and deletes foreign values; no strategy touches Redis', () => {
    expect(found(/\bredis\.p?call\('(?!TIME)\w+'/g)).toEqual({
      'lib/calls.lua': ["redis.call('DEL'"],
      'lib/states.lua': [
        "redis.pcall('GET'",
        "redis.call('GET'",
        "redis.call('DEL'",
        "redis.call('SET'",
        "redis.call('SET'",
      ],
      'scripts/lease.lua': ["redis.call('DEL'"],
    });
    expect(Object.keys(found(/\bredis\b/g))).toEqual([
      'lib/calls.lua',
      'lib/clock.lua',
      'lib/states.lua',
      'scripts/lease.lua',
    ]);
    // Nor in another way: only Lua's arithmetic, strings and tables are used.
    expect(found(/\b(?:_G|getfenv|setfenv|loadstring|load|cjson|bit|struct|os|rawset)\b\s*[.[(]/g)).toEqual({});
  });

  it('encodes and decodes in lib/states.lua only', () => {
    expect(found(/\bcmsgpack\b[^(]*/g)).toEqual({
      'lib/states.lua': [
        'cmsgpack.unpack_limit',
        'cmsgpack.unpack_limit',
        'cmsgpack.pack',
        'cmsgpack.pack',
        'cmsgpack.pack',
      ],
    });
  });

  it('asks for the time in lib/clock.lua only, which each script has once', () => {
    expect(found(/redis\.p?call\('TIME'\)/g)).toEqual({ 'lib/clock.lua': ["redis.call('TIME')"] });
    const { policies, strategies: bundled, states, ...scripts } = LUA_FILES;
    for (const files of Object.values(scripts)) {
      expect([...policies, ...bundled, ...states, ...files].filter((file) => file === 'lib/clock')).toHaveLength(1);
    }
  });

  it('calls TIME, GET, SET and DEL, and nothing else', () => {
    const commands = new Set(Object.values(found(/redis\.p?call\([^,)]*/g)).flat());
    expect([...commands].map((call) => call.replace(/^redis\.p?call\('/, '')).sort()).toEqual(
      ["DEL'", "GET'", "GET'", "SET'", "TIME'"].sort(),
    );
    // Each SET sets an expiry or keeps it.
    expect(found(/redis\.call\('SET'.*/g)).toEqual({
      'lib/states.lua': [
        "redis.call('SET', key, encode(state, expires_ms), 'KEEPTTL')",
        "redis.call('SET', key, encode(state, server_ms + ttl_ms), 'PX', string.format('%.0f', ttl_ms))",
      ],
    });
    expect(found(/redis\.(?!p?call\()\w*/g)).toEqual({});
  });

  it('formats numbers with %.0f only, and other values in errors only', () => {
    expect(found(/string\.format\([^,]*/g)).toEqual({ 'lib/states.lua': ["string.format('%.0f'"] });
    const told = [...files.values()].flatMap((text) => text.split('\n').filter((line) => line.includes('tostring(')));
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((line) => !/\berror\('sluice: [^']*' \.\. tostring\(\w+(?:\.\w+)*\)\)/.test(line))).toEqual([]);
  });

  it('joins strings only: encoded chunks with table.concat', () => {
    const joined = [...files.values()].flatMap((text) =>
      text.split('\n').filter((line) => /[^.]\.\.[^.]|table\.concat/.test(line)),
    );
    expect(joined.filter((line) => !line.includes('error(')).map((line) => line.trim())).toEqual([
      'return table.concat(chunks)',
    ]);
  });
});

describe('scripts run by Redis', () => {
  const redis = ownRedis();

  it('ask for the time once per run, however many calls and charges it has', async () => {
    const backend = new RedisBackend(redis.client, { timeoutMs: PATIENT_MS });
    const policies = ['a', 'b', 'c'].map((name) => definePolicy(name, '1000/min'));
    const charges = policies.map((policy) => ({ policy, subject: 'ada', cost: 1 }));
    await backend.spend(charges);
    await redis.resetCounts();
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => backend.spend(charges)));
    for (const { receipt } of outcomes.slice(0, 10)) if (receipt) await backend.settle(receipt, [0, 0, 0]);
    expect([await redis.calls('evalsha'), await redis.calls('time')]).toEqual([12, 12]);
  });

  it.each(strategies)('write whole numbers, however large: %s', async (strategy) => {
    const limit = strategy === 'sliding-log' ? 10_000 : 2 ** 21 - 1;
    const policy = definePolicy('large', {
      rate: `${limit}/${2 ** 30}ms`,
      strategy,
      ...(strategy === 'gcra' && { burst: limit }),
    });
    const clock = new ManualClock(2 ** 51 + 1);
    const [memory, backend] = [
      new MemoryBackend({ clock }),
      new RedisBackend(redis.client, { clock, prefix: strategy, timeoutMs: PATIENT_MS }),
    ];
    for (const cost of [1, limit - 2, 1, 1, limit + 1]) {
      const charges = [{ policy, subject: 'ada', cost }];
      expect(await backend.spend(charges)).toEqual(memory.spend(charges));
      clock.advance(1);
    }
    const key = `${strategy}:{ada}:${policy.id}`;
    const state = await stateUnder(redis.client, key);
    expect(state?.marker).toBe('S1s');
    expect(state?.numbers.length).toBeGreaterThan(1);
    expect(state?.numbers.filter((number) => !Number.isSafeInteger(number) || number < 0)).toEqual([]);
    // Large numbers are encoded as integers and not as doubles.
    const bytes = await redis.client.getBuffer(key);
    expect(bytes?.length).toBeLessThanOrEqual(4 + 9 * (1 + (state?.numbers.length ?? 0)));
    expect(await redis.client.pttl(key)).toBeGreaterThan(3_500_000);
    expect(await redis.client.call('PEXPIRETIME', key)).toBeLessThan((state?.expiresMs ?? 0) + 1000);
    expect(await redis.client.call('PEXPIRETIME', key)).toBeGreaterThan((state?.expiresMs ?? 0) - 1000);
    await memory.close();
  });

  it('set an expiry that is more than 2^50 ms away', async () => {
    const policy = definePolicy('long', { rate: `1/${2 ** 50}ms`, strategy: 'fixed-window' });
    const clock = new ManualClock(0);
    const backend = new RedisBackend(redis.client, { clock, prefix: 'long', timeoutMs: PATIENT_MS });
    const { decisions } = await backend.spend([{ policy, subject: 'ada', cost: 1 }]);
    expect(decisions[0]?.resetMs).toBe(2 ** 50);
    const ttl = await redis.client.pttl(`long:{ada}:${policy.id}`);
    expect(ttl).toBeGreaterThan(1.25 * (2 ** 50 + 3_600_000) - 10_000);
    expect(ttl).toBeLessThanOrEqual(1.25 * (2 ** 50 + 3_600_000));
    const state = await stateUnder(redis.client, `long:{ada}:${policy.id}`);
    expect(state).toMatchObject({ marker: 'S1s', numbers: [0, 1] });
    expect(state?.expiresMs).toBeGreaterThan(1.25 * (2 ** 50 + 3_600_000) + Date.now() - 10_000);
  });
});
