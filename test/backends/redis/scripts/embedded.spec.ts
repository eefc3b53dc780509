import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { shapeCode } from '../../../../src/strategies/shape-code.js';
import { strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';
import { assemble, LUA_FILES, luaFiles, STRATEGIES } from './support/lua-files.js';

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
  it('equals the output of scripts/build-lua.mjs, byte for byte', async () => {
    const { generate, GENERATED }: { generate(): string; GENERATED: URL } = await import(script);
    expect(readFileSync(GENERATED, 'utf8')).toBe(generate());
    expect(GENERATED.href).toBe(new URL('src/backends/redis/scripts/lua.generated.ts', root).href);
  });

  it('is made of all files: one per script, per strategy and per shared part; the buckets share one', () => {
    expect([...files.keys()].sort()).toEqual([
      'lib/blocks.lua',
      'lib/clock.lua',
      'lib/holds.lua',
      'lib/names.lua',
      'lib/overrides.lua',
      'lib/policies.lua',
      'lib/replies.lua',
      'lib/states.lua',
      'parts/block-decision.lua',
      'parts/block-records.lua',
      'scripts/block.lua',
      'scripts/hold.lua',
      'scripts/lease.lua',
      'scripts/settle.lua',
      'scripts/spend-one.lua',
      'scripts/spend-several.lua',
      'scripts/spend.lua',
      'scripts/take.lua',
      'scripts/write.lua',
      'strategies/bucket.lua',
      'strategies/calendar.lua',
      'strategies/fixed-window.lua',
      'strategies/sliding-log.lua',
      'strategies/sliding-window.lua',
    ]);
    const used = new Set(Object.values(LUA_FILES).flat());
    expect([...used].map((file) => `${file}.lua`).sort()).toEqual([...files.keys()].sort());
  });

  it('contains all built-in strategies, with the letters of their states', async () => {
    expect(Object.keys(STRATEGIES).sort()).toEqual(['calendar', ...strategies].sort());
    for (const strategy of ['calendar', ...strategies]) {
      expect(shapeCode(strategy, 1000, 1).charAt(0)).toBe(STRATEGIES[strategy]?.letter);
    }
    const { SPEND_ONE_LUA } = await import('../../../../src/backends/redis/scripts/lua.generated.js');
    expect(Object.keys(SPEND_ONE_LUA).sort()).toEqual([...strategies].sort());
  });

  it('has one step for each strategy: that of its file, in the scripts for plain charges and in those for others', () => {
    const { spend, take, hold, spendOne, spendSeveral } = assemble(luaFiles);
    const lines = (text: string) => text.split('\n').map((line) => line.trim());
    for (const [strategy, { file }] of Object.entries(STRATEGIES)) {
      const [, step = ''] =
        /^--@section step\n([\s\S]*?)(?:^--(?!@)[^\n]*\n)*^--@section/m.exec(luaFiles[file] ?? '') ?? [];
      const expected = lines(step).filter((line) => line !== '' && !/--@|MARKER|IS_QUEUE/.test(line));
      expect(expected.length).toBeGreaterThan(5);
      const ofBudgets = strategy === 'fixed-window' || strategy === 'calendar' ? [hold] : [];
      const ofPlain = strategy === 'calendar' ? [] : [spendOne[strategy] ?? '', spendSeveral];
      const scripts = [spend, take, ...ofPlain, ...ofBudgets];
      for (const whole of scripts) {
        expect(expected.filter((line) => !lines(whole).includes(line))).toEqual([]);
      }
    }
  });

  it('contains no directives', () => {
    const { policies, spend, settle, block, lease, write, take, hold, spendOne, spendSeveral } = assemble(luaFiles);
    for (const whole of [
      policies,
      spend,
      settle,
      block,
      lease,
      write,
      take,
      hold,
      ...Object.values(spendOne),
      spendSeveral,
    ]) {
      expect(
        whole
          .split('\n')
          .filter((line) => /--@(?!strategy |hook )|\b(?:CUSTOM_|RECORD_)?MARKER\b|\bIS_QUEUE\b/.test(line)),
      ).toEqual([]);
    }
  });

  it('reads and writes keys in lib/states.lua, lib/holds.lua and in the strategies, and deletes foreign values', () => {
    const commands = found(/\bredis_p?call\('(?!TIME)\w+'/g);
    expect(
      Object.fromEntries(Object.entries(commands).map(([file, calls]) => [file, [...new Set(calls)].sort()])),
    ).toEqual({
      'lib/blocks.lua': ["redis_call('DEL'", "redis_call('SET'", "redis_pcall('GET'"],
      'lib/holds.lua': [
        "redis_call('DEL'",
        "redis_call('HDEL'",
        "redis_call('HGET'",
        "redis_call('HMGET'",
        "redis_call('HSET'",
        "redis_call('PEXPIRE'",
        "redis_call('ZADD'",
        "redis_call('ZCARD'",
        "redis_call('ZRANGE'",
        "redis_call('ZREM'",
        "redis_call('ZSCORE'",
        "redis_pcall('HGET'",
        "redis_pcall('ZRANGE'",
      ],
      'lib/overrides.lua': ["redis_call('SET'", "redis_pcall('GET'"],
      'lib/states.lua': ["redis_call('DEL'", "redis_call('SET'", "redis_pcall('GET'"],
      'parts/block-records.lua': ["redis_call('DEL'"],
      'scripts/block.lua': ["redis_call('DEL'"],
      'scripts/lease.lua': ["redis_call('DEL'"],
      'scripts/spend.lua': ["redis_call('DEL'", "redis_pcall('GET'"],
      'strategies/bucket.lua': ["redis_call('SET'", "redis_call('SETRANGE'", "redis_pcall('GET'"],
      'strategies/calendar.lua': ["redis_call('SET'", "redis_call('SETRANGE'", "redis_pcall('GET'"],
      'strategies/fixed-window.lua': ["redis_call('SET'", "redis_call('SETRANGE'", "redis_pcall('GET'"],
      'strategies/sliding-log.lua': [
        "redis_call('DEL'",
        "redis_call('GET'",
        "redis_call('GETRANGE'",
        "redis_call('SET'",
        "redis_call('SETRANGE'",
        "redis_pcall('GET'",
        "redis_pcall('GETRANGE'",
      ],
      'strategies/sliding-window.lua': ["redis_call('SET'", "redis_call('SETRANGE'", "redis_pcall('GET'"],
    });
    // Redis is called under the names of lib/names.lua; otherwise only Lua's arithmetic, strings and tables are used.
    expect(Object.keys(found(/\bredis\.\w+/g))).toEqual(['lib/names.lua']);
    expect(found(/\b(?:_G|getfenv|setfenv|loadstring|load|cjson|bit|os|rawset)\b\s*[.[(]/g)).toEqual({});
  });

  it('calls TIME in lib/clock.lua only, once per script', () => {
    expect(found(/redis_p?call\('TIME'\)/g)).toEqual({ 'lib/clock.lua': ["redis_call('TIME')"] });
    const { spend, settle, block, lease, write, take, hold, spendOne, spendSeveral } = assemble(luaFiles);
    for (const whole of [spend, settle, block, lease, write, take, hold, ...Object.values(spendOne), spendSeveral]) {
      expect(whole.match(/'TIME'/g)).toHaveLength(1);
    }
  });

  it('sets an expiry with each SET, or keeps it', () => {
    for (const set of Object.values(found(/redis_call\('SET'.*/g)).flat()) {
      expect(set).toMatch(/, (?:'KEEPTTL'|'PX', format\('%\.0f', ttl_ms\))\)$/);
    }
  });

  it('passes strings to Redis and never numbers, which take a microsecond to format', () => {
    for (const call of Object.values(found(/redis_p?call\([^\n]*/g)).flat()) {
      const words = call
        .replace(/^redis_p?call\(/, '')
        .replace(/\b(?:format|pack)\((?:[^()]|\([^()]*\))*\)/g, "'text'");
      expect(
        words
          .replace(/\)[^)]*$/, '')
          .split(', ')
          .filter(
            (word) =>
              !/^(?:'[^']*'|(?:b\.\w*)?key|text|encode\(.*|unpack\((?:b\.)?\w+\)?|id|ttl|after|offset|command|CHUNK)$/.test(
                word,
              ),
          ),
      ).toEqual(call.includes('encode(') ? expect.anything() : []);
    }
  });

  it('formats numbers with %.0f only, and other values in errors only', () => {
    const formats = Object.values(found(/\bformat\('[^']*'/g)).flat();
    expect([...new Set(formats)]).toEqual(["format('%.0f'"]);
    const told = [...files.values()].flatMap((text) => text.split('\n').filter((line) => line.includes('tostring(')));
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((line) => !/\berror\('sluice: [^']*' \.\. tostring\(\w+(?:\.\w+)*\)\)/.test(line))).toEqual([]);
  });
});

describe('scripts run by Redis', () => {
  const redis = ownRedis();

  it('call TIME once per run, with any number of calls and charges', async () => {
    const backend = new RedisBackend(redis.client, { timeoutMs: PATIENT_MS });
    const policies = ['a', 'b', 'c'].map((name) => definePolicy(name, '1000/min'));
    const charges = policies.map((policy) => ({ policy, subject: 'ada', cost: 1 }));
    await backend.spend(charges);
    await redis.resetCounts();
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => backend.spend(charges)));
    for (const { receipt } of outcomes.slice(0, 10)) if (receipt) await backend.settle(receipt, [0, 0, 0]);
    expect([await redis.calls('evalsha'), await redis.calls('time')]).toEqual([12, 12]);
  });

  it.each(strategies)('write whole numbers of any size: %s', async (strategy) => {
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
    expect(state?.marker).toBe(`S2${STRATEGIES[strategy]?.letter}`);
    expect(state?.numbers.length).toBeGreaterThan(1);
    expect(state?.numbers.filter((number) => !Number.isSafeInteger(number) || number < 0)).toEqual([]);
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
    expect(state).toMatchObject({ marker: 'S2f', numbers: [0, 1] });
    expect(state?.expiresMs).toBeGreaterThan(1.25 * (2 ** 50 + 3_600_000) + Date.now() - 10_000);
  });
});
