import { readFileSync } from 'node:fs';

/** The parts of a script, in the order in which they are put together; the last three are the ends of one script each. */
export type LuaPart = 'policies' | 'strategies' | 'states' | 'spend' | 'settle' | 'lease';

/** The texts of lua/, by path without the extension. */
export type LuaFiles = Readonly<Record<string, string>>;

interface BuildLua {
  readonly LUA_FILES: Readonly<Record<LuaPart, readonly string[]>>;
  strategiesIn(lua: string): readonly string[];
}

const root = new URL('../../../../../', import.meta.url);
const buildLua: BuildLua = await import(new URL('scripts/build-lua.mjs', root).href);

/** The files of each part. */
export const { LUA_FILES } = buildLua;

/** The names of the strategies that a Lua source defines. */
export const { strategiesIn } = buildLua;

/** lua/ as it is. */
export const luaFiles: LuaFiles = Object.fromEntries(
  Object.values(LUA_FILES)
    .flat()
    .map((file) => [file, readFileSync(new URL(`lua/${file}.lua`, root), 'utf8')]),
);
