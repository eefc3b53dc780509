// Embeds lua/ in a TypeScript file, so that nothing is read from disk at run time. Run by `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The files of lua/ in the order in which a script is put together: `policies`, the strategies (those of the application
 * last), `states`, then the files of one script.
 */
export const LUA_FILES = {
  policies: ['lib/policies'],
  strategies: ['strategies/fixed-window', 'strategies/sliding-window', 'strategies/sliding-log', 'strategies/bucket'],
  states: ['lib/clock', 'lib/states'],
  spend: ['lib/replies', 'lib/calls', 'scripts/spend'],
  settle: ['scripts/settle'],
  lease: ['scripts/lease'],
};

const read = (file) => readFileSync(new URL(`../lua/${file}.lua`, import.meta.url), 'utf8');
const join = (files) => files.map(read).join('\n');
const constant = (name, value) => `export const ${name} =\n  ${JSON.stringify(value)};\n`;

/** The names of the strategies that a Lua source defines. */
export function strategiesIn(lua) {
  return [...lua.matchAll(/^strategies\['([a-z-]+)'\] = /gm)].map(([, name]) => name);
}

/** Returns the text of the generated file. */
export function generate() {
  const strategies = LUA_FILES.strategies.map(read).map((lua) => ({ names: strategiesIn(lua), lua }));
  return [
    '// Generated from lua/ by scripts/build-lua.mjs. Do not edit.\n',
    constant('POLICIES_LUA', join(LUA_FILES.policies)),
    constant('STRATEGIES_LUA', strategies),
    constant('STATES_LUA', join(LUA_FILES.states)),
    constant('SPEND_LUA', join(LUA_FILES.spend)),
    constant('SETTLE_LUA', join(LUA_FILES.settle)),
    constant('LEASE_LUA', join(LUA_FILES.lease)),
  ].join('\n');
}

export const GENERATED = new URL('../src/backends/redis/scripts/lua.generated.ts', import.meta.url);

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(GENERATED, generate());
