import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictException, Controller, Get, Inject, Param } from '@nestjs/common';
import {
  by,
  type ChargeWhen,
  type PolicyOptions,
  RedisBackend,
  Throttle,
  ThrottleService,
} from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';
import { PATIENT_MS, TIMEOUT_MS } from '../../support/redis/faults.js';
import { connect, RedisServer } from '../../support/redis/redis.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';
import { until } from '../../support/wait-until.js';
import { Gate } from './gate.js';

const shared = { rate: '10/hour', strategy: 'token-bucket', cost: 3, by: by.all() } as const;
const rules = {
  success: 'success',
  failure: 'failure',
  rows: ({ value }) => (value === undefined ? 9 : 2),
} satisfies Record<string, ChargeWhen>;
const policies = Object.fromEntries(
  Object.entries(rules).map(([name, chargeWhen]): [string, PolicyOptions] => [name, { ...shared, chargeWhen }]),
);

function notesController(gate = new Gate()) {
  @Controller()
  class NotesController {
    constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}

    @Throttle(['success', 'failure', 'rows'])
    @Get('notes/:how')
    list(@Param('how') how: string): string {
      if (how === 'fail') throw new ConflictException();
      return 'notes';
    }

    @Throttle('failure')
    @Get('slow')
    async slow(): Promise<string> {
      await gate.wait('slow');
      return 'notes';
    }
  }
  return NotesController;
}

describe.each(adapters)('calls charged by outcome in Redis, on %s', (adapter) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it.each([
    ['well', { success: 7, failure: 10, rows: 8 }],
    ['fail', { success: 10, failure: 7, rows: 1 }],
  ])('have the charges of their outcome: %s', async (how, expected) => {
    const backend = new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    await using app = await startApp({ adapter, controllers: [notesController()], options: { backend, policies } });
    await app.send(`/notes/${how}`);
    const throttle = app.app.get(ThrottleService);
    const remaining = async () => {
      const states = Object.keys(rules).map(async (rule) => [rule, (await throttle.stat(rule))?.remaining]);
      return Object.fromEntries(await Promise.all(states));
    };
    await until(async () => JSON.stringify(await remaining()) === JSON.stringify(expected));
  });
});

describe('a Redis that is gone when calls end', () => {
  it('keeps them charged; that is logged once, counted, and affects neither calls nor the shutdown', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const warnings: string[] = [];
    const gate = new Gate();
    const server = await RedisServer.start();
    const client = await connect(server);
    try {
      const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: TIMEOUT_MS });
      const app = await startApp({
        adapter: 'express',
        controllers: [notesController(gate)],
        options: { backend, policies },
        warnings,
      });
      const lost: unknown[] = [];
      app.app.get(ThrottleService).events$.subscribe((event) => {
        if (event.type === 'lost') lost.push(event.what);
      });
      const sent = [app.send('/slow'), app.send('/slow'), app.send('/slow')];
      await until(() => gate.begun.length === 3);
      await server[Symbol.asyncDispose]();
      gate.open('slow');
      expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200]);
      await app.app.close();
      expect(lost).toEqual(['refund', 'refund', 'refund']);
      expect(warnings.filter((text) => text.startsWith('A refund was lost'))).toHaveLength(1);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
      client.disconnect();
      await server[Symbol.asyncDispose]();
    }
  });

  it('does not affect calls that the fallback has charged, which are settled there', async () => {
    const gate = new Gate();
    const server = await RedisServer.start();
    const client = await connect(server);
    try {
      const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: TIMEOUT_MS });
      await using app = await startApp({
        adapter: 'express',
        controllers: [notesController(gate)],
        options: { backend, policies },
      });
      await server[Symbol.asyncDispose]();
      const sent = app.send('/slow');
      await until(() => gate.begun.length === 1);
      const throttle = app.app.get(ThrottleService);
      const remaining = async () => (await throttle.stat('failure'))?.remaining;
      expect(await remaining()).toBe(7);
      gate.open('slow');
      expect((await sent).status).toBe(200);
      await until(async () => (await remaining()) === 10);
    } finally {
      client.disconnect();
      await server[Symbol.asyncDispose]();
    }
  });
});
