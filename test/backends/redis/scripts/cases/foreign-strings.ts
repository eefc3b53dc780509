import { NOW } from '../support/arguments.js';

/** Lua of a text: values as they are packed. */
const packed = (...values: readonly (string | number)[]) => `cmsgpack.pack(${values.join(', ')})`;
/** A state of these numbers; `5` is when it expires. */
const state = (...numbers: readonly (string | number)[]) => packed("'S1s'", 5, ...numbers);

/** What no whole number is, in Lua: the last two are numbers as texts. */
const NO_COUNTS = ['0/0', '1/0', '-1/0', '-1', '1.5', '2^53', '1e300', "'x'", 'nil', 'true', '{}', "'5'", "'1e3'"];
const NO_INSTANTS = ['0/0', '-1', "'x'", "'5'", 'nil', 'true', '{}'];

/** Strings that are no marker: of the format before it, of other formats and kinds, longer and shorter ones. */
const NO_MARKERS = [
  'fixed-window 1000 1',
  'gcra 1 1',
  'S2s',
  'S0s',
  'S1b',
  'S1S',
  's1s',
  'xxx',
  'S1',
  'S1s ',
  ' S1s',
  'S1ss',
  '',
];

/** What no MessagePack is, or what ends too soon; the bytes of a marker in another form or place. */
const RAW = [
  "''",
  "'hello'",
  "'7'",
  "'\\193'",
  "'\\255\\254'",
  "'S1s'",
  `'S1s ${NOW} 5'`,
  "'\\163S1s'",
  `'\\163S1s ${NOW} 5'`,
  `'\\217\\3S1s' .. ${packed(5, NOW, 5)}`,
  `'\\218\\0\\3S1s' .. ${packed(5, NOW, 5)}`,
  packed(5, NOW, 5),
  `${packed(5)} .. ${state(NOW, 5)}`,
  `' ' .. ${state(NOW, 5)}`,
  // Its parts end after 4, 5 and 14 of 17 bytes.
  ...[1, 3, 4, 5, 9, 13, 14, 15, 16].map((bytes) => `string.sub(${state(NOW, 300)}, 1, ${bytes})`),
  `string.sub(${state(NOW, 300)}, 2)`,
  `${state(NOW, 5)} .. '\\193'`,
];

/** More bytes than are read at once. */
const LONG = [
  "string.rep('x', 1500)",
  "string.rep('\\0', 1500)",
  "string.rep('\\193', 1500)",
  `${packed("'sliding-log 1000 1'", 5)} .. string.rep(${packed(7)}, 1500)`,
  packed(`string.rep('x', 1500)`, "'y'", NOW, 5),
  state(NOW, `string.rep('5', 1500)`),
];

/** What no script of ours has written under a key of a window, as Lua makes it. */
export const GARBAGE_TEXTS: readonly string[] = [
  ...RAW,
  ...LONG,
  ...NO_MARKERS.map((marker) => packed(`'${marker}'`, 5, NOW, 5)),
  ...[5, 'nil', 'true', "{ 'S1s' }"].map((marker) => packed(marker, 5, NOW, 5)),
  `cmsgpack.pack({ 'S1s', 5, ${NOW}, 5 })`,
  ...NO_INSTANTS.map((instant) => packed("'S1s'", instant, NOW, 5)),
  state(),
  state(NOW),
  state(NOW, 5, 5),
  `${state()} .. string.rep(${packed(7)}, 1500)`,
  ...NO_COUNTS.filter((count) => count !== 'nil').map((count) => state(NOW, count)),
  ...NO_COUNTS.map((count) => state(count, 5)),
];

/** The same of a log, which may be long: what is wrong with it is in its first part, or in a later one. */
export const GARBAGE_LOG_TEXTS: readonly string[] = [
  state(),
  ...NO_COUNTS.map((count) => state(1, count, 3, 4)),
  `${packed("'S1s'", -1)} .. string.rep(${packed(7)}, 1500)`,
  `${packed("'S1s'", "'x'")} .. string.rep(${packed(7)}, 1500)`,
  `${state("'x'")} .. string.rep(${packed(7)}, 1499)`,
  `${state()} .. string.rep(${packed(7)}, 1499) .. ${packed(1.5)}`,
  `${state()} .. string.rep(${packed(7)}, 1500) .. '\\193'`,
  ...[997, 998, 999, 1000].map(
    (count) =>
      `${state()} .. string.rep(${packed(7)}, ${count}) .. ${packed("'x'")} .. string.rep(${packed(7)}, ${1001 - count})`,
  ),
  `string.sub(${state()} .. string.rep(${packed(NOW)}, 1500), 1, -2)`,
  `${state()} .. string.rep(${packed(7)}, 1501)`,
];

/** A window of which 5 are used, as it need not be packed: with nothing behind it, and its numbers as those of two halves. */
export const SOUND_TEXTS: readonly string[] = [
  state(NOW, 5),
  state(NOW, 5, 'nil'),
  `${state()} .. ${packed(NOW, 5)}`,
  packed("'S1s'", 0, NOW, 5),
  packed("'S1s'", 2.5, NOW, 5),
];
