// Embeds lua/ into a TypeScript file, so that nothing is read from disk at run time. Run by `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';

const STRATEGIES = ['fixed-window', 'sliding-window', 'sliding-log', 'bucket'];

const read = (file) => readFileSync(new URL(`../lua/${file}.lua`, import.meta.url), 'utf8');
const constant = (name, text) => `export const ${name} =\n  ${JSON.stringify(text)};\n`;

/** A file of strategies, and their names. */
function strategiesOf(file) {
  const lua = read(`strategies/${file}`);
  return { names: [...lua.matchAll(/^strategies\['([a-z-]+)'\] = /gm)].map(([, name]) => name), lua };
}

/** The generated file, as it should be. */
export function generate() {
  return [
    '// Generated from lua/ by scripts/embed-lua.mjs. Do not edit.\n',
    constant('STATE_LUA', read('state')),
    constant('STRATEGIES_LUA', STRATEGIES.map(strategiesOf)),
    constant('SPEND_LUA', read('spend')),
    constant('SETTLE_LUA', read('settle')),
    constant('LEASE_LUA', read('lease')),
  ].join('\n');
}

export const GENERATED = new URL('../src/backends/redis/scripts/lua.generated.ts', import.meta.url);

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(GENERATED, generate());
