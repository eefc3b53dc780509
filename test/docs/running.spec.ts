import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, type INestApplication, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { by, ManualClock, Throttle, ThrottleModule } from 'nestjs-sluice';
import { ThrottleTestingModule, useManualClock } from 'nestjs-sluice/testing';
import { codeBlocksOf, pages, root, stepsOf, writeBlocks } from './code-blocks.js';

mkdirSync(`${root}test/artifacts`, { recursive: true });
const folder = mkdtempSync(`${root}test/artifacts/run-`);
afterAll(() => rmSync(folder, { recursive: true }));

type Class = new () => object;
type Exports = Readonly<Record<string, unknown>>;

/** The classes that files export whose names end like this. */
function classesOf(files: readonly Exports[], ending: RegExp): readonly Class[] {
  const isClass = (value: unknown): value is Class =>
    typeof value === 'function' && String(value).startsWith('class') && ending.test(value.name);
  return files.flatMap((exports) => Object.values(exports).filter(isClass));
}

/** Tests that pages show run as tests of this suite. Those of the contracts run elsewhere, at greater length. */
for (const [page, blocks] of [
  ['docs/getting-started.md', stepsOf('docs/getting-started.md').at(-1) ?? []],
  ['docs/testing.md', codeBlocksOf('docs/testing.md')],
] as const) {
  await writeBlocks(`${folder}/tests/${page}`, blocks);
  const tests = blocks.filter(({ file }) => /spec\.ts$/.test(file) && !/my-/.test(file));
  for (const { file } of tests) await import(`${folder}/tests/${page}/${file}`);
}

/** Starts an application from the code on a page, with a clock that does not advance. */
async function start(Application: object, clock = new ManualClock(Date.UTC(2026, 0, 1))): Promise<INestApplication> {
  const builder = Test.createTestingModule({ imports: [Object(Application)] });
  const app = (await useManualClock(builder, clock).compile()).createNestApplication();
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0);
  return app;
}

function urlOf(app: INestApplication): string {
  const { port }: AddressInfo = app.getHttpServer().address();
  return `http://127.0.0.1:${port}`;
}

/** Pages that show classes but not their module: the policies that these need. */
const POLICIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/identity.md': { login: '5/min', api: '5/min' },
  'docs/presets.md': {},
  'docs/service.md': { upload: '5/min', mail: '5/min', calls: '5/min', elements: '5/min' },
  'docs/sockets.md': { lines: '5/min' },
};

/** Blocks that are not for an application: tests, a program that listens, and one that needs a Redis. */
const APART = /spec\.ts$|node-test\.ts$|\.e2e\.ts$|\.d\.ts$|main\.ts$|redis\.module\.ts$/;
const REDIS = ['docs/outages.md', 'docs/redis.md'];

describe('the application on a page', () => {
  const some = pages.filter((page) => !REDIS.includes(page) && page !== 'docs/getting-started.md');
  const withModule = some.filter((page) => codeBlocksOf(page).some(({ file }) => file === 'app.module.ts'));

  it.each([...withModule, ...Object.keys(POLICIES)])('of %s starts', async (page) => {
    const blocks = codeBlocksOf(page);
    await writeBlocks(`${folder}/${page}`, blocks);
    const names = blocks.map(({ file }) => file).filter((file) => !APART.test(file));
    const files: Exports[] = [];
    for (const file of names) files.push(await import(`${folder}/${page}/${file}`));
    const modules = classesOf(files, /^AppModule$/);

    @Module({
      imports: modules.length > 0 ? [...modules] : [ThrottleTestingModule.forRoot({ policies: POLICIES[page] ?? {} })],
      controllers: [...classesOf(files, /Controller$/)],
      providers: [...classesOf(files, /Service$|Gateway$|Job$|^Monitoring$|^Operations$|^Denials$/)],
    })
    class Application {}

    const app = await start(Application);
    await app.close();
  });
});

/** The responses that a page shows, without what Sluice does not write. */
function responsesOn(page: string): readonly string[] {
  const text = readFileSync(`${root}${page}`, 'utf8');
  return [...text.matchAll(/^```\n(HTTP\/1\.1 [\s\S]*?)^```$/gm)].map(([, response = '']) => response);
}

/** A response as the pages show it. */
async function printed(response: Response): Promise<string> {
  const headers = ['RateLimit-Policy', 'RateLimit', 'Retry-After', 'Cache-Control'];
  const lines = headers.map((name) => `${name}: ${response.headers.get(name)}`);
  return [`HTTP/1.1 ${response.status} ${response.statusText}`, ...lines, '', await response.text(), ''].join('\n');
}

describe('README', () => {
  it('shows the response of its example', async () => {
    await writeBlocks(`${folder}/README.md`, codeBlocksOf('README.md'));
    const { AppModule } = await import(`${folder}/README.md/app.module.ts`);
    const clock = new ManualClock(Date.UTC(2026, 0, 1) + 20_000);
    const app = await start(AppModule, clock);
    for (let i = 0; i < 10; i++) expect((await fetch(`${urlOf(app)}/reports/latest`)).status).toBe(200);
    clock.advance(150);
    const response = await printed(await fetch(`${urlOf(app)}/reports/latest`));
    await app.close();

    expect(responsesOn('README.md')).toEqual([response]);
    expect(responsesOn('docs/headers-and-retries.md')).toEqual([response]);
  });
});

describe('docs/install.md', () => {
  it('has a program that prints what it says', async () => {
    const page = 'docs/install.md';
    await writeBlocks(`${folder}/${page}`, codeBlocksOf(page));
    const log = jest.spyOn(console, 'log').mockReturnValue(undefined);
    Logger.overrideLogger(false);
    try {
      await import(`${folder}/${page}/search.e2e.ts`);
      expect(log.mock.calls).toEqual([[[200, 200, 429]]]);
      expect(codeBlocksOf(page)[0]?.text).toContain('// [ 200, 200, 429 ]');
    } finally {
      log.mockRestore();
    }
  });
});

describe('docs/limits.md', () => {
  /** The error that stops an application at startup. */
  async function errorOf(options: object, Use: new () => object): Promise<string> {
    @Module({ imports: [ThrottleModule.forRoot(Object(options))], controllers: [Use] })
    class Application {}
    const start = NestFactory.createApplicationContext(Application, { logger: false, abortOnError: false });
    return await start.then(
      () => 'none',
      (error: Error) => error.message,
    );
  }

  it('shows the errors of its mistakes', async () => {
    @Controller('reports')
    class ReportsController {
      @Throttle(String('serach')) @Get() list() {}
    }
    @Controller()
    class Nothing {}

    const errors = [
      await errorOf({ policies: { search: '30/min', upload: '5/min' } }, ReportsController),
      await errorOf({ policies: { login: { rate: '5/fortnight' } } }, Nothing),
      await errorOf({ default: { rate: '5/min', by: by.user } }, Nothing),
    ];
    expect(readFileSync(`${root}docs/limits.md`, 'utf8')).toContain(`\`\`\`\n${errors.join('\n')}\n\`\`\`\n`);
  });
});

describe('docs/getting-started.md', () => {
  const page = 'docs/getting-started.md';
  const steps = stepsOf(page);

  /** Starts what a reader has after a step. */
  async function startStep(step: number, clock?: ManualClock): Promise<INestApplication> {
    const { AppModule } = await import(`${folder}/${page}/${step}/src/app.module.ts`);
    return await start(AppModule, clock);
  }

  it('has applications that behave as described', async () => {
    for (const [i, blocks] of steps.entries()) await writeBlocks(`${folder}/${page}/${i}`, blocks);
    expect(steps.length).toBe(5);
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const statuses = async (app: INestApplication, count: number, method = 'GET', key = '') => {
      const all: number[] = [];
      for (let i = 0; i < count; i++) {
        all.push((await fetch(`${urlOf(app)}/notes`, { method, headers: { 'x-api-key': key } })).status);
      }
      return all;
    };

    const first = await startStep(0, clock);
    expect(await statuses(first, 6)).toEqual([200, 200, 200, 200, 200, 429]);
    clock.advance(17_000);
    expect(responsesOn(page)).toEqual([await printed(await fetch(`${urlOf(first)}/notes`))]);
    await first.close();

    const second = await startStep(1, clock);
    expect(await statuses(second, 3, 'POST')).toEqual([201, 201, 429]);
    expect(await statuses(second, 3)).toEqual([200, 200, 200]);
    await second.close();

    for (const step of [2, 3]) {
      const app = await startStep(step, clock);
      expect(await statuses(app, 3, 'POST', 'ada')).toEqual([201, 201, 429]);
      expect(await statuses(app, 3, 'POST', 'bob')).toEqual([201, 201, 429]);
      expect(await statuses(app, 2)).toEqual([200, 429]);
      await app.close();
    }
  });
});
