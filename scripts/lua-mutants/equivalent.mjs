import { BLOCKS } from './equivalent/blocks.mjs';
import { BUCKET } from './equivalent/bucket.mjs';
import { CALENDAR } from './equivalent/calendar.mjs';
import { FIXED_WINDOW } from './equivalent/fixed-window.mjs';
import { HOLDS } from './equivalent/holds.mjs';
import { LIB } from './equivalent/lib.mjs';
import { SETTLE } from './equivalent/settle.mjs';
import { SLIDING_LOG } from './equivalent/sliding-log.mjs';
import { SLIDING_WINDOW } from './equivalent/sliding-window.mjs';
import { SPEND } from './equivalent/spend.mjs';
import { SPEND_ONE } from './equivalent/spend-one.mjs';
import { SPEND_SEVERAL } from './equivalent/spend-several.mjs';
import { WRITE } from './equivalent/write.mjs';

/**
 * The places of mutants that behave as the original. A file of equivalent/ has those of each Lua file, with the reason.
 */
export const EQUIVALENT = new Set(
  [
    BLOCKS,
    BUCKET,
    CALENDAR,
    FIXED_WINDOW,
    HOLDS,
    LIB,
    SETTLE,
    SLIDING_LOG,
    SLIDING_WINDOW,
    SPEND,
    SPEND_ONE,
    SPEND_SEVERAL,
    WRITE,
  ]
    .flat()
    .flatMap(({ places }) => places),
);
