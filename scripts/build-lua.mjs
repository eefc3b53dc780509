// Assembles the Lua scripts and embeds them in a TypeScript file, so that nothing is read from disk at run time. Run by
// `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The built-in strategies: the file with the parts of each, and the letter of its states, as in `shapeCode`. Only the
 * general scripts decide strategies whose charges have arguments.
 */
export const STRATEGIES = {
  'sliding-window': { file: 'strategies/sliding-window', letter: 'w' },
  'fixed-window': { file: 'strategies/fixed-window', letter: 'f' },
  'token-bucket': { file: 'strategies/bucket', letter: 't' },
  gcra: { file: 'strategies/bucket', letter: 'g' },
  'leaky-bucket': { file: 'strategies/bucket', letter: 'b' },
  'sliding-log': { file: 'strategies/sliding-log', letter: 'l' },
  calendar: { file: 'strategies/calendar', letter: 'c', hasArguments: true },
};

/** The strategies that the scripts for plain charges decide. */
const WITHOUT_ARGUMENTS = Object.keys(STRATEGIES).filter((strategy) => !STRATEGIES[strategy].hasArguments);

const STRATEGY_FILES = [...new Set(Object.values(STRATEGIES).map(({ file }) => file))];

/**
 * The files of lua/ in the order in which a script is assembled. Custom strategies come after `policies`. `spend-one`
 * and `spend-several` are whole scripts; there is one `spend-one` for each built-in strategy.
 */
export const LUA_FILES = {
  policies: ['lib/policies'],
  strategies: STRATEGY_FILES,
  states: ['lib/names', 'lib/clock', 'lib/states'],
  spend: ['lib/replies', 'lib/overrides', 'lib/blocks', 'scripts/spend'],
  settle: ['lib/overrides', 'lib/blocks', 'scripts/settle'],
  block: ['lib/blocks', 'scripts/block'],
  lease: ['scripts/lease'],
  write: ['scripts/write'],
  // `take` is `spend` with the sections of scripts/take.lua in place of its hooks.
  take: ['lib/replies', 'lib/overrides', 'lib/blocks', 'lib/holds', 'scripts/spend', 'scripts/take'],
  hold: ['lib/replies', 'lib/holds', 'scripts/hold'],
  'spend-one': ['scripts/spend-one'],
  'spend-several': ['scripts/spend-several'],
  parts: ['parts/block-records', 'parts/block-decision'],
};

const read = (file) => readFileSync(new URL(`../lua/${file}.lua`, import.meta.url), 'utf8');

/** Returns the first four bytes of a stored value, as a little-endian number. */
const markerOf = (letter) => Buffer.from(`\xa3S2${letter}`, 'latin1').readUInt32LE();

const CUSTOM_MARKER = markerOf('x');
const RECORD_MARKER = markerOf('k');

/** Returns the content of a file before its first section, and its sections by name. */
function sectionsOf(text) {
  const [head, ...sections] = text.split(/^--@section /m);
  const parts = sections.map((section) => {
    const end = section.indexOf('\n');
    return [section.slice(0, end).trim(), section.slice(end + 1).replace(/(?:\n--(?!@)[^\n]*|\n)*$/, '')];
  });
  return { head, parts: Object.fromEntries(parts) };
}

/** Returns the parts of a strategy, and the names of the numbers in its state. */
function partsOf(strategy, files) {
  const { file, letter } = STRATEGIES[strategy];
  const { head, parts } = sectionsOf(files[file]);
  const state = /^--@state (.*)$/m.exec(head)[1].split(' ');
  return { strategy, marker: markerOf(letter), parts, state };
}

/** Returns the functions that the parts of strategies call. */
function helpersOf(strategies, files) {
  return [...new Set(strategies.flatMap((strategy) => partsOf(strategy, files).parts.helpers ?? []))].join('\n');
}

/** Indents lines that are not empty. */
const indent = (text, by) => text.replace(/^(?=.)/gm, by);

/** Returns the strategies for which a block is repeated: those that it names, those `without arguments`, or all. */
function strategiesOf(which) {
  if (which === 'without arguments') return WITHOUT_ARGUMENTS;
  return which === '' ? Object.keys(STRATEGIES) : which.split(' ');
}

/**
 * Replaces the directives of a template, which are comments that begin with `--@`. `of` is the strategy whose parts are
 * included.
 */
function expand(text, files, of) {
  const repeated = text.replace(/^ *--@strategies ?(.*)\n([\s\S]*?)^ *--@end\n/gm, (_, which, block) =>
    strategiesOf(which)
      .map((strategy) => expand(block, files, partsOf(strategy, files)))
      .join(''),
  );
  const expanded = repeated.replace(/^( *)--@(\S+) ?(.*)$/gm, (line, by, directive, argument) => {
    if (directive === 'file') return indent(files[argument], by);
    if (directive === 'slots') return `local ${slots().join(', ')} = ${slots().fill('{}').join(', ')}`;
    if (directive === 'helpers') return helpersOf(of === undefined ? WITHOUT_ARGUMENTS : [of.strategy], files);
    if (of === undefined) return line;
    const others = of.state.filter((name) => name !== 'text');
    const fields = of.state.map((_, i) => `field_${i + 1}[${argument}]`).join(', ');
    if (directive === 'declare') return `${by}local ${others.join(', ')}`;
    // A list of the numbers of a state, for code that runs too rarely to need slots.
    if (directive === 'list') return `${by}${argument} = { ${of.state.join(', ')} }`;
    if (directive === 'from') {
      return `${by}local ${of.state.join(', ')} = ${of.state.map((_, i) => `${argument}[${i + 1}]`).join(', ')}`;
    }
    if (directive === 'load') return `${by}local ${of.state.join(', ')} = ${fields}`;
    if (directive === 'save') return `${by}${fields} = ${of.state.join(', ')}`;
    // Only strategies with additional members in their decisions have the part "tell".
    if (directive === 'include') return indent(expand(of.parts[argument] ?? '', files, of), by);
    return line;
  });
  if (of === undefined) return expanded;
  return expanded
    .replace(/\bSTRATEGY\b/g, `'${of.strategy}'`)
    .replace(/\bMARKER\b/g, of.marker)
    .replace(/\bIS_QUEUE\b/g, String(of.strategy === 'leaky-bucket'));
}

const slots = () => Array.from({ length: 7 }, (_, i) => `field_${i + 1}`);

/** Removes comments, and local names that a script does not use, since each definition costs time in every run. */
function trimmed(text) {
  const code = text.replace(/^\s*--.*\n/gm, '').replace(/ +--.*$/gm, '');
  return code
    .split('\n')
    .filter((line) => {
      const [, name] = /^local (\w+) = \w+\.\w+$/.exec(line) ?? [];
      // A name that follows a dot is a field of another table.
      return name === undefined ? line !== '' : code.replace(line, '').search(new RegExp(`(?<![.\\w])${name}\\b`)) >= 0;
    })
    .join('\n');
}

/**
 * Assembles the scripts from the files of lua/. Scripts for any policy have two parts; the custom strategies are
 * inserted between them.
 */
export function assemble(files) {
  const join = (names) => names.map((name) => files[name]).join('\n');
  const helpers = helpersOf(Object.keys(STRATEGIES), files);
  const begin = join(LUA_FILES.states).replace(/\bCUSTOM_MARKER\b/g, CUSTOM_MARKER);
  const withMarker = (text) => text.replace(/\bRECORD_MARKER\b/g, RECORD_MARKER);
  const general = (name, names = LUA_FILES[name]) =>
    withMarker(
      `${begin}\n${['lease', 'block', 'write'].includes(name) ? '' : helpers}\n${expand(join(names), files, strategyFor(join(names), files))}`,
    );
  const hooks = sectionsOf(files['scripts/take']).parts;
  const hooked = (text) =>
    text.replace(/^( *)--@hook (\S+)$/gm, (_, by, name) => indent(expand(hooks[name], files), by));
  return {
    policies: join(LUA_FILES.policies),
    take: hooked(general('take', LUA_FILES.take.slice(0, -1))),
    hold: general('hold'),
    spend: general('spend'),
    settle: general('settle'),
    block: general('block'),
    lease: general('lease'),
    write: general('write'),
    spendOne: Object.fromEntries(
      WITHOUT_ARGUMENTS.map((strategy) => [
        strategy,
        `${files['lib/names']}\n${expand(join(LUA_FILES['spend-one']), files, partsOf(strategy, files))}`,
      ]),
    ),
    spendSeveral: `${files['lib/names']}\n${expand(join(LUA_FILES['spend-several']), files)}`,
  };
}

/** Returns the strategy of a script, if it is for a single one. */
function strategyFor(text, files) {
  const [, strategy] = /^--@strategy (\S+)$/m.exec(text) ?? [];
  return strategy === undefined ? undefined : partsOf(strategy, files);
}

/** Returns the contents of the files in lua/, by path without the extension. */
export const luaFiles = () =>
  Object.fromEntries(
    Object.values(LUA_FILES)
      .flat()
      .map((file) => [file, read(file)]),
  );

const constant = (name, value) => `export const ${name} =\n  ${JSON.stringify(value)};\n`;

/** Returns the content of the generated file. */
export function generate() {
  const { policies, spend, settle, block, lease, write, take, hold, spendOne, spendSeveral } = assemble(luaFiles());
  const names = Object.entries(spendOne).map(([strategy, lua]) => [strategy, trimmed(lua)]);
  return [
    '// Generated from lua/ by scripts/build-lua.mjs. Do not edit.\n',
    constant('POLICIES_LUA', trimmed(policies)),
    constant('SPEND_LUA', trimmed(spend)),
    constant('SETTLE_LUA', trimmed(settle)),
    constant('BLOCK_LUA', trimmed(block)),
    constant('LEASE_LUA', trimmed(lease)),
    constant('WRITE_LUA', trimmed(write)),
    constant('TAKE_LUA', trimmed(take)),
    constant('HOLD_LUA', trimmed(hold)),
    constant('SPEND_ONE_LUA', Object.fromEntries(names)),
    constant('SPEND_SEVERAL_LUA', trimmed(spendSeveral)),
  ].join('\n');
}

export const GENERATED = new URL('../src/backends/redis/scripts/lua.generated.ts', import.meta.url);

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(GENERATED, generate());
