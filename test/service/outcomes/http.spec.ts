import type { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChargeWhen, type PolicyOptions, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { endingController } from './ending-controller.js';
import { Gate } from './gate.js';

const LIMIT = 10;
const COST = 3;

/** Charges a list by its length, an error one unit, and nothing else. */
const byRows: ChargeWhen = ({ error, value }) => {
  if (error !== undefined) return 1;
  return Array.isArray(value) ? value.length : false;
};

const rules = { success: 'success', failure: 'failure', rows: byRows } satisfies Record<string, ChargeWhen>;
type Rule = keyof typeof rules;
const ruleNames: readonly Rule[] = ['success', 'failure', 'rows'];

const policies = Object.fromEntries(
  Object.entries(rules).map(([name, chargeWhen]): [string, PolicyOptions] => [
    name,
    {
      rate: `${LIMIT}/hour`,
      strategy: 'fixed-window',
      cost: COST,
      // A budget for each path.
      by: ({ request }) => request?.url,
      chargeWhen,
    },
  ]),
);

/** Each way to end, its status, and what a call costs in the end under each rule. */
const endings: readonly (readonly [ending: string, status: number, costs: Readonly<Record<Rule, number>>])[] = [
  ['success', 200, { success: 3, failure: 0, rows: 2 }],
  ['thrown-4xx', 400, { success: 0, failure: 3, rows: 1 }],
  ['thrown-5xx', 500, { success: 0, failure: 3, rows: 1 }],
  ['stream', 200, { success: 3, failure: 0, rows: 0 }],
  ['res', 409, { success: 0, failure: 3, rows: 0 }],
  ['sse', 200, { success: 3, failure: 0, rows: 0 }],
  ['sse-failed', 200, { success: 3, failure: 0, rows: 1 }],
  // Refused before the handler, so a function sees neither a value nor an error.
  ['guard', 403, { success: 0, failure: 3, rows: 0 }],
  ['pipe', 400, { success: 0, failure: 3, rows: 1 }],
  // The response decides, and not that the handler threw.
  ['filter-200', 200, { success: 3, failure: 0, rows: 1 }],
  ['filter-418', 418, { success: 0, failure: 3, rows: 1 }],
];

const matrix = ruleNames.flatMap((rule) =>
  endings.map(([ending, status, costs]) => ({ rule, ending, status, cost: costs[rule] })),
);

describe.each(adapters)('calls charged by outcome on %s', (adapter) => {
  const gate = new Gate();
  const backend = new CountedBackend();
  const closed: string[] = [];
  let app: TestApp;

  beforeAll(async () => {
    app = await startApp({
      adapter,
      controllers: ruleNames.map((name) => endingController(name, gate)),
      options: { backend, policies },
      prepare: (nest) => {
        nest.use((request: { originalUrl: string }, response: EventEmitter, next: () => void) => {
          response.once('close', () => closed.push(request.originalUrl));
          next();
        });
      },
    });
  });
  afterAll(() => app.app.close());

  const remaining = async (rule: Rule, path: string) => {
    const state = await app.app.get(ThrottleService).stat(rule, { subject: path });
    return state?.remaining;
  };
  const settlements = () => backend.settled.splice(0);

  it.each(matrix)('$ending costs $cost under $rule, and is settled once', async ({ rule, ending, status, cost }) => {
    settlements();
    const path = `/${rule}/${ending}`;
    const answer = await app.send(path);
    expect(answer.status).toBe(status);
    // The decision at entry.
    expect(answer.headers.ratelimit).toContain(`"${rule}";r=${LIMIT - COST};`);
    await until(() => closed.includes(path));
    expect(await remaining(rule, path)).toBe(LIMIT - cost);
    expect(settlements()).toEqual(cost === COST ? [] : [[cost]]);
  });

  it.each(ruleNames)('a call that its client aborts stays charged under %s', async (rule) => {
    settlements();
    const path = `/${rule}/abort`;
    const client = new AbortController();
    const sent = app.send(path, { signal: client.signal });
    await until(() => gate.begun.includes(path));
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    await until(() => closed.includes(path));
    gate.open(path);
    await until(() => gate.ended.includes(path));
    expect(await remaining(rule, path)).toBe(LIMIT - COST);
    expect(settlements()).toEqual([]);
  });

  it.each(ruleNames)('a stream of events that its client leaves stays charged, and ends, under %s', async (rule) => {
    settlements();
    const path = `/${rule}/sse-abort`;
    const client = new AbortController();
    const sent = app.send(path, { signal: client.signal });
    await until(() => gate.begun.includes(path));
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    await until(() => closed.includes(path) && gate.ended.includes(path));
    expect(await remaining(rule, path)).toBe(LIMIT - COST);
    expect(settlements()).toEqual([]);
  });

  // The application cuts off the response, which looks as if the client had gone.
  it.each(ruleNames)('a file whose stream fails after its first bytes stays charged under %s', async (rule) => {
    settlements();
    const path = `/${rule}/broken-file`;
    await expect(app.send(path)).rejects.toThrow();
    await until(() => closed.includes(path));
    expect(await remaining(rule, path)).toBe(LIMIT - COST);
    expect(settlements()).toEqual([]);
  });

  it.each<[Rule, number]>([
    ['success', 3],
    ['failure', 0],
    ['rows', 1],
  ])('a call with an early response is settled when its handler has ended, under %s', async (rule, cost) => {
    settlements();
    const path = `/${rule}/early`;
    expect((await app.send(path)).status).toBe(202);
    await until(() => closed.includes(path));
    expect(await remaining(rule, path)).toBe(LIMIT - COST);
    expect(settlements()).toEqual([]);
    gate.open(path);
    await until(() => gate.ended.includes(path));
    await until(async () => (await remaining(rule, path)) === LIMIT - cost);
    expect(settlements()).toEqual(cost === COST ? [] : [[cost]]);
  });
});
