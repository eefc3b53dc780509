import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';
import { type By, by, EXEMPT, type PolicyOptions, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { type AdapterName, adapters, startApp, type TestApp } from '../../support/http-app.js';

/** An application with one handler for all that lies under `/files`, limited to 2 a minute. */
function startFiles(adapter: AdapterName, limit: Partial<PolicyOptions>, options: ThrottleModuleOptions = {}) {
  @Controller('files')
  class FilesController {
    @Throttle('2/min', { strategy: 'fixed-window', ...limit })
    @Get(':name/:part')
    file(@Param('name') name: string): string {
      return name;
    }
  }
  return startApp({ adapter, controllers: [FilesController], options });
}

const apiKey = (key: string) => ({ headers: { 'x-api-key': key } });

/** Sends a number of requests as each subject, in turns, so that a shared budget would be noticed. */
async function inTurns(app: TestApp, rounds: number, headers: readonly Record<string, string>[]): Promise<number[][]> {
  const statuses: number[][] = headers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of headers.entries()) {
      statuses[i]?.push((await app.send('/files/a/b', { headers: one })).status);
    }
  }
  return statuses;
}

const TWICE = [200, 200, 429];

describe.each(adapters)('subjects on %s', (adapter) => {
  it('have separate budgets, with any characters', async () => {
    const keys = [
      '__proto__',
      'constructor',
      'toString',
      'a',
      'a:b',
      'a:b:c',
      '{a}',
      '{}',
      '}{',
      '*',
      '#0123456789abcdef',
      'x'.repeat(48),
      'x'.repeat(49),
      'x'.repeat(15_000),
      `${'x'.repeat(14_999)}y`,
      '\u00fc\u00ff',
      '"',
      '\\',
      '0',
      'null',
    ];
    await using app = await startFiles(adapter, { by: by.header('x-api-key') });
    const statuses = await inTurns(
      app,
      3,
      keys.map((key) => ({ 'x-api-key': key })),
    );
    expect(statuses).toEqual(keys.map(() => TWICE));
  });

  it('that a function returns are used verbatim: lone surrogates, blank and long strings', async () => {
    const subjects = [
      '\ud800',
      '\ud801',
      '\udc00',
      '\ufffd',
      ' ',
      '\u0000',
      '\n',
      `${'\ud800'.repeat(60)}`,
      `${'\ud801'.repeat(60)}`,
      '__proto__',
      'ip:127.0.0.2',
      'all',
    ];
    const find: By = async ({ request }) => setImmediate(subjects[Number(request?.headers['x-i'])]);
    await using app = await startFiles(adapter, { by: find });
    const statuses = await inTurns(
      app,
      3,
      subjects.map((_, i) => ({ 'x-i': String(i) })),
    );
    expect(statuses).toEqual(subjects.map(() => TWICE));
  });

  it.each([null, undefined, ''])('that are %j mean the address, and share its budget', async (nobody) => {
    const found: Record<string, string | null | undefined> = { nobody, address: 'ip:127.0.0.1', ann: 'user:ann' };
    const find: By = ({ request }) => found[String(request?.headers['x-who'])];
    await using app = await startFiles(adapter, { by: find });
    const who = (name: string) => ({ headers: { 'x-who': name } });
    expect(await app.statuses('/files/a/b', 2, who('nobody'))).toEqual([200, 200]);
    expect(await app.statuses('/files/a/b', 1, who('address'))).toEqual([429]);
    expect(await app.statuses('/files/a/b', 3, who('ann'))).toEqual(TWICE);
  });

  it('that are EXEMPT, at once or asynchronously, are not charged', async () => {
    const find: By = ({ request }) => {
      const who = request?.headers['x-who'];
      if (who === 'later') return setImmediate(EXEMPT);
      return who === 'now' ? EXEMPT : 'somebody';
    };
    await using app = await startFiles(adapter, { by: find });
    for (const who of ['now', 'later']) {
      expect(await app.statuses('/files/a/b', 4, { headers: { 'x-who': who } })).toEqual([200, 200, 200, 200]);
    }
    expect(await app.statuses('/files/a/b', 3)).toEqual(TWICE);
  });
});

describe.each(adapters)('by header on %s', (adapter) => {
  it('ignores the case of its name, and charges the address without it', async () => {
    await using app = await startFiles(adapter, { by: by.header('X-API-Key') });
    expect(await app.statuses('/files/a/b', 2, apiKey('a'))).toEqual([200, 200]);
    expect(await app.statuses('/files/a/b', 1, { headers: { 'X-Api-KEY': 'a' } })).toEqual([429]);
    expect(await app.statuses('/files/a/b', 1, apiKey('A'))).toEqual([200]);
    expect(await app.statuses('/files/a/b', 2)).toEqual([200, 200]);
    expect(await app.statuses('/files/a/b', 1, apiKey(''))).toEqual([429]);
  });
});

describe.each(adapters)('by all, first and each on %s', (adapter) => {
  const user = by.header('x-user');
  const key = by.header('x-api-key');

  it('by.all() is one budget for all callers', async () => {
    await using app = await startFiles(adapter, { by: by.all() });
    expect(
      await inTurns(
        app,
        1,
        ['a', 'b', 'c'].map((one) => ({ 'x-api-key': one })),
      ),
    ).toEqual([[200], [200], [429]]);
  });

  it('by.first() charges the first subject that is found, else the address', async () => {
    await using app = await startFiles(adapter, { by: by.first(user, async () => null, key) });
    expect(await app.statuses('/files/a/b', 3, { headers: { 'x-user': 'ann', 'x-api-key': 'k' } })).toEqual(TWICE);
    expect(await app.statuses('/files/a/b', 1, { headers: { 'x-user': 'ann', 'x-api-key': 'l' } })).toEqual([429]);
    expect(await app.statuses('/files/a/b', 3, apiKey('k'))).toEqual(TWICE);
    expect(await app.statuses('/files/a/b', 3)).toEqual(TWICE);
  });

  it('by.each() charges each combination, even if the joined strings are equal', async () => {
    await using app = await startFiles(adapter, { by: by.each(user, key) });
    const pairs = [
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['a', 'bc'],
      ['ab', 'c'],
      ['1:a', 'b'],
      ['1', ':ab'],
      ['a', 'b:header:x-api-key:c'],
      ['a:header:x-api-key:b', 'c'],
      ['a', ''],
      ['', 'a'],
    ].map(([one = '', other = '']) => ({ 'x-user': one, 'x-api-key': other }));
    expect(await inTurns(app, 3, pairs)).toEqual(pairs.map(() => TWICE));
  });

  it('by.each() is exempt if one of its parts is', async () => {
    await using app = await startFiles(adapter, { by: by.each(user, async (): Promise<typeof EXEMPT> => EXEMPT) });
    expect(await app.statuses('/files/a/b', 3)).toEqual([200, 200, 200]);
  });
});
