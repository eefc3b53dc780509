/** The parts of a script, in the order in which they are put together. */
export type LuaPart =
  | 'policies'
  | 'strategies'
  | 'states'
  | 'spend'
  | 'settle'
  | 'lease'
  | 'write'
  | 'take'
  | 'hold'
  | 'spend-one'
  | 'spend-several';

/** The texts of lua/, by path without the extension. */
export type LuaFiles = Readonly<Record<string, string>>;

/** Whole scripts, and what comes before the custom strategies of those for any policy. */
export interface AssembledLua {
  readonly policies: string;
  readonly spend: string;
  readonly settle: string;
  readonly block: string;
  readonly lease: string;
  readonly write: string;
  readonly take: string;
  readonly hold: string;
  /** By the name of the strategy. */
  readonly spendOne: Readonly<Record<string, string>>;
  readonly spendSeveral: string;
}

interface BuildLua {
  readonly LUA_FILES: Readonly<Record<LuaPart, readonly string[]>>;
  readonly STRATEGIES: Readonly<Record<string, { readonly file: string; readonly letter: string }>>;
  luaFiles(): LuaFiles;
  assemble(files: LuaFiles): AssembledLua;
}

const root = new URL('../../../../../', import.meta.url);
const buildLua: BuildLua = await import(new URL('scripts/build-lua.mjs', root).href);

/** The files of each part; and how scripts are made of the texts of the files. */
export const { LUA_FILES, STRATEGIES, assemble } = buildLua;

/** lua/ as it is. */
export const luaFiles: LuaFiles = buildLua.luaFiles();
