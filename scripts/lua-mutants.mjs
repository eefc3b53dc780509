/**
 * Changes one token of the Lua at a time and runs the cases of test/backends/redis/scripts/scripts.spec.ts against each
 * mutant: a reply or a write must differ. Needs a redis-server. `node scripts/lua-mutants.mjs [file]`.
 */
import { register } from 'node:module';
import { availableParallelism } from 'node:os';
import { EQUIVALENT } from './lua-mutants/equivalent.mjs';
import { mutantsOf } from './lua-mutants/mutants.mjs';
import { scopesOf, tokensOf } from './lua-mutants/tokens.mjs';

// Runs the random cases at full size, unless a smaller size is set.
process.env.TEST_SIZE ??= 'full';
register('../test/support/typescript-hooks.mjs', import.meta.url);
const { connect, RedisServer } = await import('../test/support/redis/redis.ts');
const { LUA_FILES, luaFiles } = await import('../test/backends/redis/scripts/support/lua-files.ts');
const { firstDifference } = await import('../test/backends/redis/scripts/support/script-run.ts');
const { load } = await import('../test/backends/redis/scripts/support/scripts-under-test.ts');
const { chosenCases, randomCases, strategies } = await import('../test/backends/redis/scripts/support/suite.ts');

/**
 * A mutant that makes a script loop forever counts as caught if a case takes longer than this. It is many times the
 * longest case with the unchanged Lua, since a loaded machine may be slow.
 */
let replyTimeoutMs = 60_000;
const SHORTEST_TIMEOUT_MS = 5000;

const all = [...chosenCases, ...strategies.flatMap((strategy) => [...randomCases(strategy)])];

/**
 * Locals of the scripts that include the parts of a strategy, or other scripts: a name may be replaced by another one
 * that is in scope where the part is used.
 */
const AROUND = {
  strategies:
    'now server_ms until_ms limit burst period_ms segments cost at from to units key text expires_ms allowed remaining reset_ms',
  'spend-one': 'server_ms now',
  'spend-several': 'server_ms now',
};

const { policies, states } = LUA_FILES;
/** Returns the files that come before a part. */
const filesBefore = (part) => {
  if (part === 'policies' || part === 'spend-one' || part === 'spend-several') return [];
  return part === 'states' ? policies : [...policies, ...states];
};

/** Every file, with the locals of the files before it. A file that is in several scripts occurs several times. */
const places = Object.entries(LUA_FILES).flatMap(([part, names]) =>
  names.map((file, i) => {
    const before = part === 'strategies' ? policies : [...filesBefore(part), ...names.slice(0, i)];
    const stateOf = /^--@state (.*)$/m.exec(luaFiles[file])?.[1].split(' ') ?? [];
    const around = AROUND[part]?.split(' ') ?? [];
    return { file, outer: [...before.flatMap((name) => [...localsOf(name)]), ...around, ...stateOf] };
  }),
);

const files = [...new Map(places.map((place) => [place.file, place])).values()];

/** Returns the locals that a file declares for the parts after it. */
function localsOf(file) {
  return scopesOf(luaFiles[file], tokensOf(luaFiles[file])).locals;
}

/** Returns the cases that run one of these scripts. */
const casesOf = (...scripts) => all.filter(({ runs }) => runs.some(({ script }) => scripts.includes(script)));

/** Files that only the scripts of holds contain. */
const OF_HOLDS = ['lib/holds', 'scripts/take', 'scripts/hold'];
const casesOfHolds = casesOf('take', 'hold');
const casesOfWrites = casesOf('write');

/** Returns the cases, first those of the file's strategy, or of blocks. */
function casesFor(file) {
  if (OF_HOLDS.includes(file)) return casesOfHolds;
  if (file === 'scripts/write') return casesOfWrites;
  const name = /block/.test(file) ? 'block' : file.replace('strategies/', '').replace('bucket', '-bucket');
  return all.toSorted((a, b) => Number(b.name.includes(name)) - Number(a.name.includes(name)));
}

/** Runs mutants on a separate server, since a mutant may loop forever. */
class Runner {
  /** The duration of the longest case. */
  longestMs = 0;

  async start() {
    this.server ??= await RedisServer.start();
    this.client = await connect(this.server, { retryStrategy: () => null });
  }

  /** Returns the first difference that a mutant makes, or null. */
  async differenceOf(files, cases) {
    let timer;
    const timedOut = new Promise((resolve) => {
      timer = setTimeout(resolve, replyTimeoutMs, 'no reply');
    });
    let caseStartedAt = performance.now();
    const running = this.#run(files, cases, () => {
      timer.refresh();
      this.longestMs = Math.max(this.longestMs, performance.now() - caseStartedAt);
      caseStartedAt = performance.now();
    });
    running.catch(() => undefined); // rejects if the server is killed below
    const difference = await Promise.race([running, timedOut]);
    clearTimeout(timer);
    if (difference === 'no reply') {
      this.client.disconnect();
      await this.server.kill();
      await this.server.start();
      await this.start();
    }
    return difference;
  }

  async #run(files, cases, onProgress) {
    await this.client.script('FLUSH');
    const shas = await load(this.client, files).catch((error) => {
      if (!error.message.includes('compiling')) throw error;
    });
    if (shas === undefined) return 'does not compile';
    for (const one of cases) {
      const difference = await firstDifference(this.client, shas, one);
      if (difference !== null) return difference;
      onProgress();
    }
    return null;
  }

  async stop() {
    this.client.disconnect();
    await this.server[Symbol.asyncDispose]();
  }
}

const startedAt = performance.now();
const runners = Array.from({ length: Math.max(2, availableParallelism()) }, () => new Runner());
await Promise.all(runners.map((runner) => runner.start()));

const unchanged = await runners[0].differenceOf(luaFiles, all);
if (unchanged !== null) throw new Error(`The unchanged Lua fails: ${unchanged}`);
replyTimeoutMs = Math.max(SHORTEST_TIMEOUT_MS, 20 * runners[0].longestMs);

const mutants = files
  .filter(({ file }) => file.includes(process.argv[2] ?? ''))
  .flatMap(({ file, outer }) => mutantsOf(file, luaFiles[file], outer));
const known = new Set(mutants.map(({ place }) => place));
const stale = process.argv[2] === undefined ? [...EQUIVALENT].filter((place) => !known.has(place)) : [];
const survived = [];
const wronglyListed = [];
let caught = 0;

const queue = mutants.entries();
await Promise.all(
  runners.map(async (runner) => {
    for (const [, { file, place, text }] of queue) {
      const difference = await runner.differenceOf({ ...luaFiles, [file]: text }, casesFor(file));
      const isListed = EQUIVALENT.has(place);
      if (difference !== null) caught += 1;
      if (difference !== null && isListed) wronglyListed.push(`${place}\n    ${difference}`);
      if (difference !== null || isListed) continue;
      survived.push(place);
      console.log(`survived: ${place}`);
    }
  }),
);
await Promise.all(runners.map((runner) => runner.stop()));

for (const place of wronglyListed) console.log(`listed as equivalent, but caught: ${place}`);
for (const place of stale) console.log(`listed as equivalent, but not a mutant: ${place}`);
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(
  `${mutants.length} mutants: ${caught} caught, ${mutants.length - caught - survived.length} equivalent, ${survived.length} survived; ${seconds} s`,
);
process.exitCode = survived.length + wronglyListed.length + stale.length > 0 ? 1 : 0;
