import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  type Backend,
  BackendError,
  type BlockStore,
  defineConcurrency,
  definePolicy,
  FunctionTimeoutException,
  type Grant,
  type HoldStore,
  MemoryBackend,
  type SettingsStore,
  ThrottleService,
} from '../../../src/index.js';
import { BoundedBackend } from '../../../src/module/bounded/bounded.backend.js';
import { FunctionDeadlines } from '../../../src/transports/functions/function-deadlines.js';
import { startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';

const never = () => new Promise<never>(() => {});
const api = definePolicy('api', { rate: '5/2000 weeks', strategy: 'fixed-window' });
const charge = { policy: api, subject: 'ada', cost: 1 };
const receipt = { at: 1, charges: [charge] };
const hold = { policy: defineConcurrency('api', 2), subject: 'ada', id: 1, units: 1, ttlMs: 1000 };

/** How to call each method of a part of the contract. A type, so that one that is added to the contract has to be added here. */
type Calls<Part> = {
  readonly [Name in keyof Required<Part>]:
    | ((part: Part) => unknown)
    /** Synchronous methods, and the parts with separate tables. */
    | 'not awaited';
};

const ofBackend: Calls<Backend> = {
  spend: (backend) => backend.spend([charge]),
  peek: (backend) => backend.peek([charge]),
  settle: (backend) => backend.settle(receipt, [0]),
  credit: (backend) => backend.credit?.([charge]),
  reset: (backend) => backend.reset([charge]),
  probe: (backend) => backend.probe?.([charge]),
  lease: (backend) => backend.lease?.(charge, 2),
  holds: 'not awaited',
  settings: 'not awaited',
  blocks: 'not awaited',
  announce: 'not awaited',
  use: 'not awaited',
  listen: 'not awaited',
  // These never reject, because the application goes on without them: see below.
  warnings: 'not awaited',
  returnLeases: 'not awaited',
  close: 'not awaited',
  domains: 'not awaited',
  remote: 'not awaited',
  timeoutMs: 'not awaited',
  clock: 'not awaited',
};
const ofHolds: Calls<HoldStore> = {
  take: (holds) => holds.take([hold], [charge]),
  peek: (holds) => holds.peek([hold], [charge]),
  extend: (holds) => holds.extend([hold], 1000),
  grow: (holds) => holds.grow(hold, 2),
  end: (holds) => holds.end([hold]),
};
const ofSettings: Calls<SettingsStore> = {
  setOverride: (settings) => settings.setOverride({ policy: 'api', subject: 'ada', rate: 'unlimited' }),
  getOverride: (settings) => settings.getOverride({ policy: 'api', subject: 'ada' }),
  deleteOverride: (settings) => settings.deleteOverride({ policy: 'api', subject: 'ada' }),
  listOverrides: (settings) => settings.listOverrides('api', { limit: 10 }),
  changePolicy: (settings) => settings.changePolicy({ policy: 'api', mode: 'off' }),
  resetPolicy: (settings) => settings.resetPolicy('api'),
  listPolicyChanges: (settings) => settings.listPolicyChanges(),
  version: (settings) => settings.version(),
};
const ofBlocks: Calls<BlockStore> = {
  setBlock: (blocks) => blocks.setBlock(charge, 1000),
  getBlock: (blocks) => blocks.getBlock(charge),
  deleteBlock: (blocks) => blocks.deleteBlock(charge),
  listBlocks: (blocks) => blocks.listBlocks('api', { limit: 10 }),
};

/** Methods that are about all policies. */
const OF_ALL = ['settings.listPolicyChanges', 'settings.version'];

/** A part of a backend of which no method ever answers. */
function silent<Part>(calls: Calls<Part>): { readonly [Name in keyof Calls<Part>]: typeof never } {
  const methods = Object.keys(calls).map((name) => [name, never]);
  return Object.fromEntries(methods);
}

class TableBackend implements Backend {
  readonly holds = silent(ofHolds);
  readonly settings = silent(ofSettings);
  readonly blocks = silent(ofBlocks);
  spend = never;
  peek = never;
  settle = never;
  credit = never;
  reset = never;
  probe = never;
  lease: (...args: unknown[]) => Promise<Grant> = never;
  warnings: () => Promise<readonly string[]> = never;
  returnLeases: () => Promise<void> = never;
  close: () => Promise<void> = never;

  constructor(readonly remote: boolean) {}
}

/** The methods of a part of the contract that are awaited, each with a call of it. */
function awaited<Part>(calls: Calls<Part>, path: string, partOf: (backend: Backend) => Part | undefined) {
  const entries: [name: string, call: 'not awaited' | ((part: Part) => unknown)][] = Object.entries(calls);
  return entries.flatMap(([name, call]) => {
    if (call === 'not awaited') return [];
    const callOn = (backend: Backend) => {
      const part = partOf(backend);
      if (part === undefined) throw new Error(`there is nothing that has ${name}`);
      return call(part);
    };
    return [{ method: `${path}${name}`, call: callOn }];
  });
}

const methods = [
  ...awaited(ofBackend, '', (backend) => backend),
  ...awaited(ofHolds, 'holds.', ({ holds }) => holds),
  ...awaited(ofSettings, 'settings.', ({ settings }) => settings),
  ...awaited(ofBlocks, 'blocks.', ({ blocks }) => blocks),
];

describe("a method of a backend of one's own that never answers", () => {
  it.each(methods)('$method: is rejected with 503, by an error that names the method and the policy', async (row) => {
    const bounded = new BoundedBackend(new TableBackend(false), new FunctionDeadlines(5));
    const error: unknown = await Promise.resolve(row.call(bounded)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(FunctionTimeoutException);
    const policy = OF_ALL.includes(row.method) ? undefined : 'api';
    expect(error).toMatchObject({ functionPath: `TableBackend.${row.method}()`, policy, status: 503 });
  });

  it.each(methods)('$method: means that a remote backend is unavailable', async ({ method, call }) => {
    const bounded = new BoundedBackend(new TableBackend(true), new FunctionDeadlines(5));
    const error: unknown = await Promise.resolve(call(bounded)).catch((error: unknown) => error);
    expect(error).toEqual(new BackendError('TIMEOUT', `TableBackend.${method}(): no answer within 5 ms`));
  });

  it.each([
    ['nothing', undefined],
    ['a receipt that is none', { allowed: true, granted: 1, receipt: 5 }],
  ])('leaves no rejection behind if it answers too late, and not by the contract: %s', async (_, answer) => {
    const answers: (() => void)[] = [];
    const late = () => new Promise<never>((resolve) => answers.push(() => resolve(answer as never)));
    const backend = new TableBackend(false);
    Object.assign(backend, { spend: late, lease: late, holds: { ...backend.holds, take: late } });
    const bounded = new BoundedBackend(backend, new FunctionDeadlines(5));
    const calls = [bounded.spend([charge]), bounded.lease?.(charge, 1), bounded.holds?.take([hold], [charge])];
    for (const { status } of await Promise.allSettled(calls)) expect(status).toBe('rejected');
    for (const give of answers) give();
    // Node reports an unhandled rejection after the microtasks of this turn, and Jest then fails the test.
    await setImmediate();
  });

  it('does not keep the application from starting and closing if it is about that', async () => {
    const warnings: string[] = [];
    const bounded = new BoundedBackend(
      new TableBackend(false),
      new FunctionDeadlines(5, (text) => warnings.push(text)),
    );
    expect(await bounded.warnings()).toEqual([]);
    await bounded.returnLeases();
    await bounded.close();
    expect(warnings).toEqual([
      'TableBackend.warnings(): expected a result within 5 ms, got none. The application starts without its warnings.',
      'TableBackend.returnLeases(): expected a result within 5 ms, got none. The application closes without it.',
      'TableBackend.close(): expected a result within 5 ms, got none. The application closes without it.',
    ]);
  });

  it('fails startup and shutdown with an error of its own', async () => {
    const backend = new TableBackend(false);
    const fails = async (): Promise<never> => {
      throw new Error('no such table');
    };
    Object.assign(backend, { warnings: fails, returnLeases: fails, close: fails });
    const bounded = new BoundedBackend(backend, new FunctionDeadlines(5));
    for (const run of [bounded.warnings(), bounded.returnLeases(), bounded.close()]) {
      await expect(run).rejects.toThrow('no such table');
    }
  });

  it('leaves calls behind that an application which closes does not wait for', async () => {
    const backend = new TableBackend(false);
    // The deadlines of these would be waited for.
    Object.assign(backend, { warnings: async () => [], returnLeases: async () => {}, close: async () => {} });
    const policies = {
      api: { rate: '5/min', overrides: true, block: true },
      work: { concurrency: 2 },
    } as const;
    const { app } = await startApp({
      adapter: 'express',
      options: { backend, policies, functionTimeoutMs: 3_600_000 },
    });
    const throttle = app.get(ThrottleService);
    const on = { subject: 'ada' };
    const calls = [
      throttle.consume('api', 1, on),
      throttle.stat('api', on),
      throttle.reset('api', on),
      throttle.overrides.get('api', 'ada'),
      throttle.blocks.get('api', 'ada'),
      throttle.policies.list(),
      throttle.run('work', on, async () => 'done'),
    ];
    const results = Promise.allSettled(calls);
    await setImmediate();
    await app.close();
    const texts = (await results).map((result) => (result.status === 'rejected' ? String(result.reason) : 'done'));
    const late =
      'expected a result within 500 ms while the application closes, got none. The call is rejected with 503.';
    for (const text of texts) {
      expect(text).toContain(late);
      expect(text).toMatch(/ Set a shorter timeout for what the function waits for\.$/);
    }
  });
});

describe("a lease of a backend of one's own", () => {
  it('is returned if it is granted too late', async () => {
    const memory = new MemoryBackend();
    let grant = () => {};
    const backend = new TableBackend(true);
    backend.lease = async () => {
      await new Promise<void>((resolve) => {
        grant = resolve;
      });
      const { receipt } = memory.spend([{ ...charge, cost: 2 }]);
      return { granted: 2, remaining: 3, at: receipt?.at ?? 0, endsInMs: 1000 };
    };
    Object.assign(backend, { settle: memory.settle.bind(memory) });
    const bounded = new BoundedBackend(backend, new FunctionDeadlines(5));
    await expect(bounded.lease?.(charge, 2)).rejects.toMatchObject({ code: 'TIMEOUT' });
    grant();
    const left = () => memory.peek([{ ...charge, cost: 0 }]).binding?.remaining;
    await until(() => left() === 5);
  });
});
