import { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Decision } from '../../../../src/core/decision.js';
import { calendarArguments } from '../../../../src/strategies/calendar/quota-windows.js';
import { definePolicy, type PolicySpec } from '../../../../src/strategies/define-policy.js';

/** The task of a separate process: the same charge, `hits` times, a number of them at once. */
export interface Task {
  readonly port: number;
  readonly prefix: string;
  readonly spec: PolicySpec;
  readonly hits: number;
  readonly inFlight: number;
  /** The instant that decides instead of the server's. */
  readonly frozenAt?: number;
}

/** How its calls were answered: `at` only of what was taken. */
export type Answer = Decision & { readonly at?: number };

export type Told = 'ready' | { readonly answers: readonly Answer[]; readonly processMs: number };

function tell(message: Told): void {
  process.send?.(message);
}

async function run({ port, prefix, spec, hits, inFlight, frozenAt }: Task): Promise<void> {
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false });
  const backend = new RedisBackend(client, {
    prefix,
    timeoutMs: 30_000,
    ...(frozenAt !== undefined && { clock: new ManualClock(frozenAt) }),
  });
  const policy = definePolicy('shared', spec);
  const args = policy.calendar && { arguments: calendarArguments(policy, frozenAt ?? Date.now()) };
  const charges = [{ policy, subject: 'everyone', cost: 1, ...args }];
  // Loads the script, so that the first call is decided when it arrives.
  await backend.spend(charges.map((charge) => ({ ...charge, subject: 'nobody' })));
  tell('ready');
  await new Promise((resolve) => process.once('message', resolve));

  const answers: Answer[] = [];
  let left = hits;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      const { decisions, receipt } = await backend.spend(charges);
      for (const decision of decisions) answers.push({ ...decision, ...(receipt && { at: receipt.at }) });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  await backend.close();
  client.disconnect();
  tell({ answers, processMs: Date.now() });
}

process.on('message', (message: Task | 'go') => {
  if (message !== 'go') void run(message);
});
