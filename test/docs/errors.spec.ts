import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { ThrottleConfigError, ThrottleService } from 'nestjs-sluice';
import { codeBlocksOf, root, writeBlocks } from './code-blocks.js';

const page = await readFile(`${root}docs/errors.md`, 'utf8');
const codes = await codesIn('src/core/errors.ts', /^ {2}\| '(SLUICE_\w+)'/gm);
const headings = [...page.matchAll(/^#+ (SLUICE_\w+)$/gm)].map(([, code = '']) => code);

/** Needs both builds of the package. `test/module/other-copies.spec.ts` raises it. */
const NOT_RUN = ['SLUICE_TWO_COPIES'];

async function codesIn(file: string, pattern: RegExp): Promise<readonly string[]> {
  return [...(await readFile(root + file, 'utf8')).matchAll(pattern)].map(([, code = '']) => code);
}

/** The section of a code: from its heading to the next one. */
function sectionOf(code: string): string {
  return page.split(/^(?=#)/m).find((section) => section.startsWith(`### ${code}\n`)) ?? '';
}

/** `SLUICE_NO_CALL` is raised by `no-call.ts`. */
function fileOf(code: string): string {
  return `${code.replace('SLUICE_', '').toLowerCase().replaceAll('_', '-')}.ts`;
}

/** Runs an example: its code, then the application that it exports, if any, then its function of the service. */
async function run(path: string): Promise<void> {
  const { AppModule, ...others } = await import(path);
  if (AppModule === undefined) return;
  await using app = {
    nest: await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false }),
    [Symbol.asyncDispose]: () => app.nest.close(),
  };
  for (const use of Object.values(others)) {
    if (typeof use === 'function') await use(app.nest.get(ThrottleService));
  }
}

describe('docs/errors.md', () => {
  let folder: string;

  beforeAll(async () => {
    await mkdir(`${root}test/artifacts`, { recursive: true });
    folder = await mkdtemp(`${root}test/artifacts/errors-`);
    await writeBlocks(folder, codeBlocksOf('docs/errors.md'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  it('has one section for each code, and none for others', () => {
    expect(codes.length).toBeGreaterThan(30);
    expect([...headings].sort()).toEqual([...codes].sort());
  });

  it.each(codes)('has an example of %s in its section, and the fix', (code) => {
    const section = sectionOf(code);
    expect(section).toContain(`\`\`\`ts\n// ${fileOf(code)}\n`);
    expect(section).toMatch(/^\*\*Fix:\*\* \S/m);
  });

  it.each(codes.filter((code) => !NOT_RUN.includes(code)))('has an example that raises %s', async (code) => {
    const error = await run(`${folder}/${fileOf(code)}`).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(ThrottleConfigError);
    expect(error.code).toBe(code);
    expect(error.message).toBe(`${error.problem} (${code}, see nestjs-sluice/docs/errors.md#${code.toLowerCase()})`);
  });
});

describe('the codes of configuration errors', () => {
  it('are all raised somewhere', async () => {
    const files = (await readdir(`${root}src`, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const used = await Promise.all(files.map((file) => codesIn(`src/${file}`, /(?<!\| )'(SLUICE_\w+)'/g)));
    expect([...new Set(used.flat())].sort()).toEqual([...codes].sort());
  });
});
