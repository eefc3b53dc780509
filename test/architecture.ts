/** From the bottom up: a folder imports from those before it, and from itself. Folders of one line do not see each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['strategies'],
  ['backends'],
  ['transports'],
  ['decorators'],
  ['service'],
  ['guards', 'interceptors'],
  ['module'],
];
const PURE = ['core', 'strategies', 'backends'];
const EXTERNAL = ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'];
const MAX_LINES = 200;

/** Source files: the path below src, `core/rate.ts`, and the text. */
export type Sources = ReadonlyMap<string, string>;

/** Text without its comments, which may quote what code may not do. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;])\/\/.*$/gm, '$1');
}

/** What a file imports: by import (of types too), by export from, by import() (of types too), by require. */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  const forms = [
    /(?:^|[;}\s])(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])([^'"]+)\1/g,
    /(?:^|[;}\s])import\s*(['"])([^'"]+)\1/g,
    /\b(?:import|require)\s*\(\s*(['"`])([^'"`]+)\1/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map(([, , specifier = '']) => specifier));
}

/** Where a relative import leads: a path below src, ending in `.ts`. */
function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
}

const folderOf = (path: string) => path.split('/')[0] ?? '';
const levelOf = (path: string) => LAYERS.findIndex((folders) => folders.includes(folderOf(path)));

/** What one file does that it may not. */
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
    const isKnown = specifier.startsWith('node:') || (EXTERNAL.includes(name) && !PURE.includes(folderOf(path)));
    if (!isKnown) faults.push(`${path}: may not import ${specifier}`);
  }

  const code = withoutComments(text);
  if (/\bexport\s+(?:type\s+)?\*/.test(code)) faults.push(`${path}: export *`);
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) faults.push(`${path}: a default export`);
  if (/\b(?:Date|performance)\.now\b|\bnew Date\(\s*\)/.test(code) && !/(?:^|[/-])clock\.ts$/.test(path)) {
    faults.push(`${path}: reads a clock`);
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

/** All that the sources do and may not. */
export function faultsIn(sources: Sources): readonly string[] {
  return [...[...sources].flatMap(([path, text]) => faultsOf(path, text, sources)), ...circlesOf(sources)];
}
