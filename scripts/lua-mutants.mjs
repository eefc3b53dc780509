/**
 * Changes one token of the Lua at a time, and plays against each such mutant what test/redis/scripts.spec.ts plays against
 * the Lua as it is: an answer or a write must be another one. Needs a redis-server. `node scripts/lua-mutants.mjs [file]`.
 */
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { availableParallelism } from 'node:os';
import { EQUIVALENT } from './lua-mutants/equivalent.mjs';
import { mutantsOf } from './lua-mutants/mutants.mjs';

register('../test/support/typescript-hooks.mjs', import.meta.url);
const { connect, RedisServer } = await import('../test/support/redis/redis.ts');
const { firstDifference } = await import('../test/backends/redis/scripts/support/script-run.ts');
const { load } = await import('../test/backends/redis/scripts/support/scripts-under-test.ts');
const { chosenScenes, randomScenes, strategies } = await import('../test/backends/redis/scripts/support/suite.ts');

const STRATEGIES = ['fixed-window', 'sliding-window', 'sliding-log', 'bucket'].map((name) => `strategies/${name}`);
const FILES = ['state', 'spend', 'settle', 'lease', ...STRATEGIES];
const ANSWERS_WITHIN_MS = 5000;

const read = (file) => readFileSync(new URL(`../lua/${file}.lua`, import.meta.url), 'utf8');
const texts = Object.fromEntries(FILES.map((file) => [file, read(file)]));
const all = [...chosenScenes, ...strategies.flatMap((strategy) => [...randomScenes(strategy)])];

/** lua/ with one file of another text. */
function filesWith(changed = {}) {
  const now = { ...texts, ...changed };
  return { ...now, strategies: STRATEGIES.map((file) => now[file]) };
}

/** The scenes, those first that have to do with a file. */
function scenesFor(file) {
  const name = file.replace('strategies/', '').replace('bucket', '-bucket');
  return all.toSorted((a, b) => Number(b.name.includes(name)) - Number(a.name.includes(name)));
}

/** A server of its own, since a mutant may keep one busy for ever. */
class Lane {
  async start() {
    this.server ??= await RedisServer.start();
    this.client = await connect(this.server, { retryStrategy: () => null });
  }

  /** The first difference that a mutant makes, or null. */
  async differenceOf(files, played) {
    let timer;
    const stuck = new Promise((resolve) => {
      timer = setTimeout(resolve, ANSWERS_WITHIN_MS, 'no answer');
    });
    const playing = this.play(files, played, () => timer.refresh());
    playing.catch(() => undefined); // of a server that was ended since it was stuck
    const difference = await Promise.race([playing, stuck]);
    clearTimeout(timer);
    if (difference === 'no answer') {
      this.client.disconnect();
      await this.server.kill();
      await this.server.start();
      await this.start();
    }
    return difference;
  }

  async play(files, played, isAlive) {
    await this.client.script('FLUSH');
    const shas = await load(this.client, files).catch((error) => {
      if (!error.message.includes('compiling')) throw error;
    });
    if (shas === undefined) return 'no Lua';
    for (const scene of played) {
      const difference = await firstDifference(this.client, shas, scene);
      if (difference !== null) return difference;
      isAlive();
    }
    return null;
  }

  async stop() {
    this.client.disconnect();
    await this.server[Symbol.asyncDispose]();
  }
}

const startedAt = performance.now();
const lanes = Array.from({ length: Math.max(2, availableParallelism()) }, () => new Lane());
await Promise.all(lanes.map((lane) => lane.start()));

const unchanged = await lanes[0].differenceOf(filesWith(), all);
if (unchanged !== null) throw new Error(`The Lua as it is fails already: ${unchanged}`);

const mutants = FILES.filter((file) => file.includes(process.argv[2] ?? '')).flatMap((file) =>
  mutantsOf(file, texts[file]),
);
const known = new Set(mutants.map(({ place }) => place));
const stale = process.argv[2] === undefined ? [...EQUIVALENT].filter((place) => !known.has(place)) : [];
const survived = [];
const wronglyListed = [];
let caught = 0;

const queue = mutants.entries();
await Promise.all(
  lanes.map(async (lane) => {
    for (const [, { file, place, text }] of queue) {
      const difference = await lane.differenceOf(filesWith({ [file]: text }), scenesFor(file));
      const isListed = EQUIVALENT.has(place);
      if (difference !== null) caught += 1;
      if (difference !== null && isListed) wronglyListed.push(`${place}\n    ${difference}`);
      if (difference === null && !isListed) survived.push(place);
    }
  }),
);
await Promise.all(lanes.map((lane) => lane.stop()));

for (const place of survived) console.log(`survived: ${place}`);
for (const place of wronglyListed) console.log(`listed as equivalent, and is not: ${place}`);
for (const place of stale) console.log(`listed as equivalent, and is no mutant: ${place}`);
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(
  `${mutants.length} mutants: ${caught} caught, ${mutants.length - caught - survived.length} equivalent, ${survived.length} survived; ${seconds} s`,
);
process.exitCode = survived.length + wronglyListed.length + stale.length > 0 ? 1 : 0;
