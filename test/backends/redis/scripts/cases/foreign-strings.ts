import { NOW } from '../support/arguments.js';

/** Lua of a text: values as they are packed. */
const packed = (...values: readonly (string | number)[]) => `cmsgpack.pack(${values.join(', ')})`;
/** A window's state of these numbers; `5` is when it expires. */
const window = (...numbers: readonly (string | number)[]) => packed("'fixed-window 1000 1'", 5, ...numbers);

/** What no whole number is, in Lua: the last two are numbers as texts. */
const NO_COUNTS = ['0/0', '1/0', '-1/0', '-1', '1.5', '2^53', '1e300', "'x'", 'nil', 'true', '{}', "'5'", "'1e3'"];
const NO_INSTANTS = ['0/0', '-1', "'x'", "'5'", 'nil', 'true', '{}'];

const NO_SHAPES = [
  'fixed-window',
  'fixed-window 1000',
  'fixed-window 1000 ',
  ' 1000 1',
  'Fixed-window 1000 1',
  '1fixed-window 1000 1',
  '-window 1000 1',
  'fixed_window 1000 1',
  'fixed-window -1000 1',
  'fixed-window 1000.5 1',
  'fixed-window x 1',
  ' fixed-window 1000 1',
  'fixed-window 1000 1 ',
  'fixed-window 1000 1x',
  'fixed-window 1000 1\\0',
  'fixed-window 1000 1 5',
];

/** What no MessagePack is, or what ends too soon. */
const RAW = [
  "''",
  "'hello'",
  "'7'",
  "'\\193'",
  "'\\255\\254'",
  `'fixed-window 1000 1 ${NOW} 5'`,
  ...[1, 3, 20, 21, 24, 32].map((bytes) => `string.sub(${window(NOW, 300)}, 1, ${bytes})`),
  `string.sub(${window(NOW, 300)}, 2)`,
  `string.sub(${window(NOW, 300)}, 1, -2)`,
  `${window(NOW, 5)} .. '\\193'`,
];

/** More bytes than are read at once. */
const LONG = [
  "string.rep('x', 1500)",
  "string.rep('\\0', 1500)",
  "string.rep('\\193', 1500)",
  `${packed("'fixed-window 1000'", 5)} .. string.rep(${packed(7)}, 1500)`,
  `${packed("'sliding-log 1000 1'", -1)} .. string.rep(${packed(7)}, 1500)`,
  `${packed("'sliding-log 1000 1'", "'x'")} .. string.rep(${packed(7)}, 1500)`,
  `${packed("'sliding-log 1000 1'", 5)} .. string.rep(${packed(7)}, 1500) .. ${packed(1.5)}`,
  `${packed("'sliding-log 1000 1'", 5)} .. string.rep(${packed(7)}, 1500) .. '\\193'`,
  `${packed("'sliding-log 1000 1'", 5, "'x'")} .. string.rep(${packed(7)}, 1500)`,
  `${packed("'sliding-log 1000 1'", 5)} .. string.rep(${packed(7)}, 997) .. ${packed("'x'")} .. string.rep(${packed(7)}, 9)`,
  `string.sub(${packed("'sliding-log 1000 1'", 5)} .. string.rep(${packed(NOW)}, 1500), 1, -2)`,
  packed(`string.rep('x', 1500) .. ' 1000 1'`, "'y'", NOW, 5),
  window(NOW, `string.rep('5', 1500)`),
];

/** What no script of ours has written under a key of a window, as Lua makes it. */
export const GARBAGE_TEXTS: readonly string[] = [
  ...RAW,
  ...LONG,
  ...NO_SHAPES.map((shape) => packed(`'${shape}'`, 5, NOW, 5)),
  ...[5, 'nil', 'true', "{ 'fixed-window 1000 1' }"].map((shape) => packed(shape, 5, NOW, 5)),
  `cmsgpack.pack({ 'fixed-window 1000 1', 5, ${NOW}, 5 })`,
  packed("'fixed-window 1000 1'"),
  packed("'fixed-window 2000 1'"),
  packed("'fixed-window 2000 1'", 5),
  ...NO_INSTANTS.map((instant) => packed("'fixed-window 1000 1'", instant, NOW, 5)),
  packed("'fixed-window 2000 1'", -1, NOW, 5),
  window(),
  window(NOW),
  window(NOW, 5, 5),
  ...NO_COUNTS.filter((count) => count !== 'nil').map((count) => window(NOW, count)),
  ...NO_COUNTS.map((count) => window(count, 5)),
  ...NO_COUNTS.map((count) => packed("'sliding-log 2000 1'", 5, 1, count, 3, 4)),
];

/** A window of which 5 are used, as it need not be packed: with nothing behind it, and its numbers as those of two halves. */
export const SOUND_TEXTS: readonly string[] = [
  window(NOW, 5),
  window(NOW, 5, 'nil'),
  `${packed("'fixed-window 1000 1'", 5)} .. ${packed(NOW, 5)}`,
  packed("'fixed-window 1000 1'", 0, NOW, 5),
  packed("'fixed-window 1000 1'", 2.5, NOW, 5),
];
