import { readFileSync } from 'node:fs';

/** A block of TypeScript on a page whose first line names its file. */
export interface CodeBlock {
  readonly file: string;
  readonly text: string;
}

/** The named blocks of TypeScript on a page of docs/. */
export function codeBlocksOf(page: string): readonly CodeBlock[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)^```$/gm)].map(([, file = '', code = '']) => ({
    file,
    text: code,
  }));
}
