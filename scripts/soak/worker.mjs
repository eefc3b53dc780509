/**
 * A process of the soak: two applications, one on a single Redis and one on a Cluster, whose callers charge the limits
 * all the time. It reports admitted units and their instants, on the clock that decided.
 */
import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cluster, Redis } from 'ioredis';
import { RedisBackend, ThrottleModule, ThrottleService } from '../../dist/esm/index.js';
import { POLICIES, SUBJECTS } from './policies.mjs';

const CALLERS = 3;
const PAUSE_MS = 15;
const REPORT_MS = 250;
const HEAP_MS = 3000;
const settings = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, enableOfflineQueue: false };

const escaped = [];
process.on('unhandledRejection', (error) => escaped.push(`unhandled rejection: ${error?.stack ?? error}`));
process.on('uncaughtException', (error) => escaped.push(`uncaught exception: ${error?.stack ?? error}`));

const figures = { calls: 0, denied: 0, degraded: 0, errors: 0 };
let admitted = [];
let isStopping = false;
let lastError = '';

async function applicationOn(client) {
  client.on('error', () => undefined);
  const policies = Object.fromEntries(Object.entries(POLICIES).map(([name, { options }]) => [name, options]));
  class AppModule {}
  Module({ imports: [ThrottleModule.forRoot({ backend: new RedisBackend(client), policies })] })(AppModule);
  return NestFactory.createApplicationContext(AppModule, { logger: false });
}

async function call(throttle, on) {
  const names = Object.keys(POLICIES);
  const policy = names[Math.floor(Math.random() * names.length)];
  const subject = SUBJECTS[Math.floor(Math.random() * SUBJECTS.length)];
  figures.calls += 1;
  try {
    const { allowed, degraded, receipt } = await throttle.consume(policy, 1, { subject });
    if (degraded !== undefined) figures.degraded += 1;
    if (!allowed) figures.denied += 1;
    else if (receipt !== undefined) {
      // The instant on the clock that decided, and that of this process.
      const times = { at: receipt.at, ownMs: Math.floor(performance.timeOrigin + performance.now()) };
      admitted.push({ on, policy, subject, isLocal: degraded !== undefined, ...times });
    }
  } catch (error) {
    figures.errors += 1;
    lastError = String(error?.stack ?? error);
  }
}

async function callUntilStopped(throttle, on) {
  while (!isStopping) {
    await call(throttle, on);
    await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}

function report(more = {}) {
  if (!process.connected) return;
  process.send({ admitted, ...more });
  admitted = [];
}

process.once('message', async ({ port, nodes }) => {
  const single = new Redis({ ...settings, host: '127.0.0.1', port, retryStrategy: () => 50 });
  const cluster = new Cluster(
    nodes.map((node) => ({ host: '127.0.0.1', port: node })),
    { redisOptions: settings, retryDelayOnFailover: 0, slotsRefreshTimeout: 10_000, clusterRetryStrategy: () => 100 },
  );
  const applications = { single: await applicationOn(single), cluster: await applicationOn(cluster) };
  const callers = Object.entries(applications).flatMap(([on, application]) =>
    Array.from({ length: CALLERS }, () => callUntilStopped(application.get(ThrottleService), on)),
  );
  const reports = setInterval(report, REPORT_MS);
  const heaps = setInterval(() => {
    globalThis.gc?.();
    report({ heapMb: process.memoryUsage().heapUsed / 2 ** 20 });
  }, HEAP_MS);
  process.once('message', async () => {
    isStopping = true;
    await Promise.all(callers);
    for (const timer of [reports, heaps]) clearInterval(timer);
    await Promise.all(Object.values(applications).map((application) => application.close()));
    for (const client of [single, cluster]) client.disconnect();
    // Gives the last exception one turn to arrive.
    await pause(50);
    report({ figures, escaped, lastError });
    process.disconnect();
  });
  report({ isReady: true });
});
