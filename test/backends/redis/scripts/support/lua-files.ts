import { readFileSync } from 'node:fs';
import type { LuaFiles } from './scripts-under-test.js';

const STRATEGIES = ['fixed-window', 'sliding-window', 'sliding-log', 'bucket'];

const read = (file: string) => readFileSync(new URL(`../../../../../lua/${file}.lua`, import.meta.url), 'utf8');

/** lua/ as it is. */
export const luaFiles: LuaFiles = {
  state: read('state'),
  strategies: STRATEGIES.map((name) => read(`strategies/${name}`)),
  spend: read('spend'),
  settle: read('settle'),
  lease: read('lease'),
};
