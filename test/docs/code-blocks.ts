import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** README and the pages of docs/, by path. */
export const pages: readonly string[] = ['README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)];

/** A block of TypeScript on a page. Its first line names its file, such as `// src/app.module.ts`. */
export interface CodeBlock {
  /** Empty if the first line names no file. */
  readonly file: string;
  readonly text: string;
}

/** The blocks of TypeScript below each heading of a page, top to bottom. */
function sectionsOf(page: string): readonly (readonly CodeBlock[])[] {
  const text = readFileSync(`${root}${page}`, 'utf8');
  return text.split(/^## /m).map((section) =>
    [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => ({
      file: /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? '',
      text: code,
    })),
  );
}

/** The blocks of TypeScript on a page. */
export function codeBlocksOf(page: string): readonly CodeBlock[] {
  return sectionsOf(page).flat();
}

/**
 * The files of a reader of a tutorial after each of its sections with code: a file that a later section shows again
 * replaces the one before.
 */
export function stepsOf(page: string): readonly (readonly CodeBlock[])[] {
  const files = new Map<string, CodeBlock>();
  return sectionsOf(page)
    .filter((blocks) => blocks.length > 0)
    .map((blocks) => {
      for (const block of blocks) files.set(block.file, block);
      return [...files.values()];
    });
}

/** Writes blocks as files below a folder. */
export async function writeBlocks(folder: string, blocks: readonly CodeBlock[]): Promise<void> {
  for (const { file, text } of blocks) {
    await mkdir(dirname(`${folder}/${file}`), { recursive: true });
    await writeFile(`${folder}/${file}`, text);
  }
}
