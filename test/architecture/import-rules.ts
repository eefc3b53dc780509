/**
 * Folders from the bottom up. A file imports from its own folder and from earlier entries; folders in one entry do not see
 * each other. A subfolder without an entry belongs to the nearest folder above it that has one.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['strategies'],
  ['backends'],
  ['backends/memory'],
  ['backends/resilience'],
  ['backends/leasing'],
  ['backends/redis/clients'],
  ['backends/redis/scripts'],
  ['backends/redis/dispatch'],
  ['backends/redis'],
  ['transports'],
  ['transports/identity'],
  ['transports/http'],
  ['transports/functions'],
  ['transports/sockets'],
  ['transports/sockets/handshake'],
  ['decorators'],
  ['planning'],
  ['service/calls'],
  ['service'],
  ['guards', 'interceptors'],
  ['module/discovery', 'module/hooks'],
  ['module'],
  // Entries of the package.
  ['testing/contract/harness'],
  ['testing/contract/sections'],
  ['testing/contract'],
  ['testing/matchers'],
  ['testing'],
];
const FOLDERS = LAYERS.flat();
const PURE = ['core', 'strategies', 'backends'];
const EXTERNAL = ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'];
const MAX_LINES = 350;
const MAX_FILES_PER_FOLDER = 13;

/** Source files: the path below src, `core/rate.ts`, and the text. */
export type Sources = ReadonlyMap<string, string>;

/** Text without its comments, which may quote what code may not do. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;])\/\/.*$/gm, '$1');
}

/** Matches imports of a file: import and import() (also of types), export from, require. */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  const forms = [
    /(?:^|[;}\s])(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])([^'"]+)\1/g,
    /(?:^|[;}\s])import\s*(['"])([^'"]+)\1/g,
    /\b(?:import|require)\s*\(\s*(['"`])([^'"`]+)\1/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map(([, , specifier = '']) => specifier));
}

/** Returns the target of a relative import: a path below src, ending in `.ts`. */
function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
}

/** The entry of `LAYERS` that a file belongs to; its first folder if there is none. */
function folderOf(path: string): string {
  const isIn = (folder: string) => path.startsWith(`${folder}/`);
  return FOLDERS.filter(isIn).sort((a, b) => b.length - a.length)[0] ?? path.split('/')[0] ?? '';
}

const levelOf = (path: string) => LAYERS.findIndex((folders) => folders.includes(folderOf(path)));

/** Returns the violations of one file. */
function faultsOf(path: string, text: string, sources: Sources): readonly string[] {
  const faults: string[] = [];
  const isIndex = path === 'index.ts';
  if (!isIndex && levelOf(path) < 0) faults.push(`${path}: "${folderOf(path)}" is no folder of the design`);

  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = resolve(path, specifier);
      const isBelow = levelOf(target) < levelOf(path) || folderOf(target) === folderOf(path);
      if (!sources.has(target)) faults.push(`${path}: ${specifier} is no file of src`);
      else if (!isIndex && (target === 'index.ts' || !isBelow)) faults.push(`${path}: may not import ${target}`);
      continue;
    }
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    const isKnown =
      specifier.startsWith('node:') || (EXTERNAL.includes(name) && !PURE.includes(path.split('/')[0] ?? ''));
    if (!isKnown) faults.push(`${path}: may not import ${specifier}`);
  }

  const code = withoutComments(text);
  if (/\bexport\s+(?:type\s+)?\*/.test(code)) faults.push(`${path}: export *`);
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) faults.push(`${path}: a default export`);
  if (/\b(?:Date|performance)\.now\b|\bnew Date\(\s*\)/.test(code) && !/(?:^|[/-])clock\.ts$/.test(path)) {
    faults.push(`${path}: reads a clock`);
  }
  if (/(['"])(?:http|ws|graphql|rpc)\1/.test(code) && !path.startsWith('transports/')) {
    faults.push(`${path}: names a transport`);
  }
  // `core/copies.ts` shares state between copies of the library; what is made elsewhere exists once a copy.
  if (/\bSymbol\(/.test(code)) faults.push(`${path}: a symbol of one copy, use Symbol.for`);
  if (/^(?:export )?(?:let|var)\b|^(?:export )?const [^\n]*= new (?:Weak\w+|AsyncLocalStorage)\b/m.test(code)) {
    faults.push(`${path}: state of one copy, use sharedState`);
  }
  const lines = text.replace(/\n$/, '').split('\n').length;
  if (lines > MAX_LINES) faults.push(`${path}: ${lines} lines`);
  return faults;
}

/** The files of the first circle of imports that each file is found in, types included. */
function circlesOf(sources: Sources): readonly string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start >= 0) circles.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const specifier of importsOf(sources.get(path) ?? '')) {
      if (specifier.startsWith('.')) visit(resolve(path, specifier), [...trail, path]);
    }
    done.add(path);
  }
  for (const path of sources.keys()) visit(path, []);
  return circles.map((circle) => `a circle: ${circle}`);
}

/** Returns folders with too many files to keep an overview. */
function crowdedFolders(sources: Sources): readonly string[] {
  const counts = new Map<string, number>();
  for (const path of sources.keys()) {
    const folder = path.split('/').slice(0, -1).join('/');
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const crowded = [...counts].filter(([, count]) => count > MAX_FILES_PER_FOLDER);
  return crowded.map(([folder, count]) => `${folder}: ${count} files`);
}

/** Everything in the sources that breaks a rule. */
export function faultsIn(sources: Sources): readonly string[] {
  const faults = [...sources].flatMap(([path, text]) => faultsOf(path, text, sources));
  return [...faults, ...crowdedFolders(sources), ...circlesOf(sources)];
}
