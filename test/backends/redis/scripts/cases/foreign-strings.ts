import { NOW } from '../support/arguments.js';

/** Lua of a text: the marker of a letter, and numbers of seven bytes each. */
export const packed = (letter: string, ...numbers: readonly number[]) =>
  `'\\163S2${letter}' .. struct.pack('<${'I7'.repeat(numbers.length)}'${numbers.map((number) => `, ${number}`).join('')})`;

/** Lua of a text: values as MessagePack. */
const listed = (...values: readonly (string | number)[]) => `cmsgpack.pack(${values.join(', ')})`;

/** A window of which 5 are used. */
const WINDOW = packed('f', 5, NOW, 5);

/** Values that are not whole numbers, in Lua. The last two are numbers as strings. */
const NO_COUNTS = ['0/0', '1/0', '-1/0', '-1', '1.5', '2^53', '1e300', "'x'", 'nil', 'true', '{}', "'5'", "'1e3'"];

/** Values of no format of ours, and of earlier ones; the bytes of a marker in another form or place. */
const FOREIGN = [
  "''",
  "'hello'",
  "'7'",
  "'\\193'",
  "'\\255\\254'",
  "'S2f'",
  `'S2f ${NOW} 5'`,
  "'\\163S2f'",
  `'\\163S2f ${NOW} 5'`,
  `' ' .. ${WINDOW}`,
  `string.sub(${WINDOW}, 2)`,
  listed("'S1s'", 5, NOW, 5),
  listed("'fixed-window 1000 1'", 5, NOW, 5),
  listed("'S2f'", 5, NOW, 5),
  listed(5, NOW, 5),
  ...['S1f', 'S3f', 's2f', 'S2F', 'S2w', 'S2x', 'S2s', 'S\\0f'].map(
    (marker) => `'\\163${marker}' .. string.sub(${WINDOW}, 5)`,
  ),
  `'\\162S2f' .. string.sub(${WINDOW}, 5)`,
  "string.rep('x', 1500)",
  "string.rep('\\0', 1500)",
  "string.rep('\\193', 1500)",
];

/** Foreign values under a key of a fixed window, as Lua expressions. */
export const GARBAGE_TEXTS: readonly string[] = [
  ...FOREIGN,
  ...[1, 3, 4, 5, 10, 11, 17, 18, 24].map((bytes) => `string.sub(${WINDOW}, 1, ${bytes})`),
  `${WINDOW} .. '\\0'`,
  packed('f', 5),
  packed('f', 5, NOW),
  packed('f', 5, NOW, 5, 5),
  packed('f', 5, 2 ** 53, 5),
  packed('f', 5, NOW, 2 ** 53),
];

/** A sliding window of four segments whose newest is long ago, so that its counters are read: these are the two in between. */
const segmented = (...between: readonly string[]) =>
  `${packed('w', 5, 1, 2, 2, 3)}${between.map((text) => ` .. ${text}`).join('')}`;

/** Two entries of a log: 1 unit at the instant 5, 2 at 7. */
const LOG = [5, 1, 7, 3];
const longLog = (entries: number, count = entries) =>
  `${packed('l', 5, count, 0, 0)} .. string.rep(${packed('l', 7, 8).replace("'\\163S2l' .. ", '')}, ${entries})`;

/** Foreign values under keys of other strategies. */
export const GARBAGE_OF: readonly { readonly strategy: string; readonly texts: readonly string[] }[] = [
  {
    strategy: 'sliding-window',
    texts: [
      WINDOW,
      packed('w', 5, 1, 2, 2),
      `string.sub(${packed('w', 5, 1, 2, 2, 3)}, 1, 38)`,
      ...[
        [2 ** 53, 2, 2, 3],
        [1, 2, 2 ** 53, 3],
        [1, 2, 2, 2 ** 53],
      ].map((numbers) => `${packed('w', 5, ...numbers)} .. ${listed(0, 0, 0)}`),
      `'\\163S2v' .. string.sub(${segmented(listed(0, 0, 0))}, 5)`,
      segmented(),
      segmented(listed(0)),
      segmented(listed(0, 0)),
      segmented(listed(0, 0, 0, 0)),
      segmented(listed(0, 0, 0), "'\\193'"),
      `string.sub(${segmented(listed(0, 0, 300))}, 1, -2)`,
      ...NO_COUNTS.map((count) => segmented(listed(0, count, 0))),
      ...NO_COUNTS.map((count) => segmented(listed(count, 0, 0))),
      ...NO_COUNTS.map((count) => segmented(listed(0, 0, count))),
    ],
  },
  {
    strategy: 'sliding-log',
    texts: [
      WINDOW,
      ...FOREIGN.filter((text) => text !== "''"),
      packed('l', 5, 2, 0, 0),
      packed('l', 5, 2, 0, 0, ...LOG, 9),
      packed('l', 5, 2, 0, 0, 5, 1, 7),
      packed('l', 5, 1, 0, 0, ...LOG),
      packed('l', 5, 3, 0, 0, ...LOG),
      packed('l', 5, 0, 0, 0),
      packed('l', 5, 2, 2, 0, ...LOG),
      packed('l', 5, 2, 3, 0, ...LOG),
      packed('l', 5, 2 ** 53, 0, 0, ...LOG),
      packed('l', 5, 2, 0, 0, 5, 1, 2 ** 53, 3),
      packed('l', 5, 2, 0, 0, 5, 1, 7, 2 ** 53),
      packed('f', 5, 2, 0, 0, ...LOG),
      longLog(100, 99),
      longLog(100, 101),
      longLog(71, 70),
      longLog(70, 71),
      longLog(200, 3),
      `${longLog(100)} .. '\\0'`,
      `string.sub(${longLog(100)}, 1, -2)`,
    ],
  },
  ...['token-bucket', 'gcra', 'leaky-bucket'].map((strategy, i) => ({
    strategy,
    texts: [
      WINDOW,
      packed('tgb'[i] ?? '', 5, NOW),
      packed('tgb'[i] ?? '', 5, NOW, 5, 5),
      packed('tgb'[i] ?? '', 5, 2 ** 53, NOW),
      packed('tgb'[i] ?? '', 5, 5, 2 ** 53),
      packed('gbt'[i] ?? '', 5, 5, NOW),
    ],
  })),
  {
    strategy: 'plain',
    texts: [
      WINDOW,
      packed('x', 5),
      `string.sub(${packed('x', 5)}, 1, 10) .. ${listed(1)}`,
      ...NO_COUNTS.map((count) => `${packed('x', 5)} .. ${listed(1, count, 3, 4)}`),
      ...NO_COUNTS.map((count) => `${packed('x', 5)} .. ${listed(count, 4)}`),
      `${packed('x', 5)} .. string.rep(${listed(7)}, 1500) .. '\\193'`,
      `${packed('x', 5)} .. string.rep(${listed(7)}, 1500) .. ${listed(1.5)}`,
      ...[998, 999, 1000].map(
        (count) =>
          `${packed('x', 5)} .. string.rep(${listed(7)}, ${count}) .. ${listed("'x'")} .. string.rep(${listed(7)}, ${1001 - count})`,
      ),
      `string.sub(${packed('x', 5)} .. string.rep(${listed(NOW)}, 1500), 1, -2)`,
    ],
  },
  { strategy: 'echo', texts: [`${packed('x', 5)} .. ${listed(1, 2)}`, packed('x', 5)] },
];
