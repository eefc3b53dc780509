import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { RedisBackend, ThrottleModule, ThrottleService } from '../../../src/index.js';

/** A request to a process of the fleet: the arguments of a method of its service. */
export type FleetTask =
  | { readonly do: 'start'; readonly port: number; readonly prefix: string }
  | { readonly do: 'hit'; readonly subject: string }
  | { readonly do: 'update'; readonly rate: string }
  | { readonly do: 'override'; readonly subject: string; readonly rate: string }
  | { readonly do: 'list' };

/** A call as it was decided. */
export interface FleetHit {
  readonly allowed: boolean;
  readonly limit: number | undefined;
  readonly degraded: string | undefined;
}

/** The response of a process; `error` is the message of an error. */
export type FleetAnswer = { readonly value: unknown } | { readonly error: string };

let throttle: ThrottleService | undefined;

async function start(port: number, prefix: string): Promise<void> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  await new Promise((resolve) => client.once('ready', resolve));
  const throttling = ThrottleModule.forRoot({
    backend: new RedisBackend(client, { prefix, timeoutMs: 2000 }),
    policies: { api: { rate: '1000/day', strategy: 'fixed-window', overrides: true } },
    runtimePolicies: true,
  });

  @Module({ imports: [throttling] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  throttle = app.get(ThrottleService);
}

async function run(task: FleetTask): Promise<unknown> {
  if (task.do === 'start') return start(task.port, task.prefix);
  if (throttle === undefined) throw new Error('not started');
  if (task.do === 'update') return throttle.policies.update('api', { rate: task.rate });
  if (task.do === 'override') return throttle.overrides.set('api', task.subject, task.rate);
  if (task.do === 'list') return throttle.policies.list();
  const { allowed, binding, degraded } = await throttle.consume('api', 1, { subject: task.subject });
  const hit: FleetHit = { allowed, limit: binding?.limit, degraded };
  return hit;
}

process.on('message', (task: FleetTask) => {
  run(task).then(
    (value = null) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
