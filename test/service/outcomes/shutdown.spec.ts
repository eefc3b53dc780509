import { describe, expect, it } from '@jest/globals';
import { by, MemoryBackend, type Receipt } from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { startApp } from '../../support/http-app.js';
import { acting } from '../../support/scripted-handler.js';
import { until } from '../../support/wait-until.js';

/** Settles on demand, and records its end. */
class SlowlySettling extends MemoryBackend {
  readonly log: string[] = [];
  release = () => {};

  override async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    this.log.push('begins');
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
    await super.settle(receipt, costs);
    this.log.push('settled');
  }

  override async close(): Promise<void> {
    this.log.push('closed');
  }
}

const policies = { p: { rate: '10/hour', strategy: 'fixed-window', by: by.all(), chargeWhen: 'failure' } } as const;

async function start() {
  const backend = new SlowlySettling();
  const errors: string[] = [];
  const controllers = [acting(() => 'ok', { onMethod: 'p' })];
  const app = await startApp({ adapter: 'express', controllers, options: { backend, policies }, errors });
  await app.send('/act');
  await until(() => backend.log.length > 0);
  return { app, backend, errors };
}

describe('an application that closes', () => {
  it('waits for settlements before it closes the backend', async () => {
    const { app, backend, errors } = await start();
    const closing = app.app.close();
    // As long as nothing else can happen.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(backend.log).toEqual(['begins']);
    backend.release();
    await closing;
    expect([backend.log, errors]).toEqual([['begins', 'settled', 'closed'], []]);
  });

  it('does not wait for longer than the given time', async () => {
    const { app, backend, errors } = await start();
    await app.app.get(CallLimiter).outcomes.close(1);
    expect(errors).toEqual(['The application closes, and 1 calls are not settled yet. They stay charged.']);
    backend.release();
    await app.app.close();
  });
});
