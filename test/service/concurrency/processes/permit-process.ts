import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { by, RedisBackend, ThrottleModule, ThrottleService } from '../../../../src/index.js';

/** The task of a process. */
export interface PermitTask {
  readonly port: number;
  readonly limit: number;
  readonly ttlMs: number;
  readonly subjects: number;
  readonly callers: number;
}

/** The message of a process after every few runs, and when too many others were running. */
export interface PermitReport {
  readonly runs: number;
  readonly denials: number;
  readonly lost: number;
  readonly excess: readonly string[];
  readonly errors: readonly string[];
}

const REPORT_EVERY_MS = 50;
const MAX_RUN_MS = 4;

async function begin({ port, limit, ttlMs, subjects, callers }: PermitTask): Promise<void> {
  const client = new Redis({ host: '127.0.0.1', port });
  const throttling = ThrottleModule.forRoot({
    backend: new RedisBackend(client, { timeoutMs: 5000 }),
    policies: { work: { concurrency: { limit, ttlMs }, by: by.all() } },
  });

  @Module({ imports: [throttling] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const throttle = app.get(ThrottleService);
  let report = { runs: 0, denials: 0, lost: 0, excess: [] as string[], errors: [] as string[] };
  setInterval(() => {
    process.send?.(report satisfies PermitReport);
    report = { runs: 0, denials: 0, lost: 0, excess: [], errors: [] };
  }, REPORT_EVERY_MS);
  let count = 0;

  const call = async (): Promise<void> => {
    const subject = `subject:${Math.floor(Math.random() * subjects)}`;
    count += 1;
    const me = `${process.pid}:${count}`;
    try {
      await throttle.run('work', { subject }, async ({ signal }) => {
        report.runs += 1;
        // Every process counts the runs of all processes, independently of the library.
        await client.sadd(`running:${subject}`, me);
        const running = await client.scard(`running:${subject}`);
        if (running > limit && !signal.aborted) report.excess.push(`${running} runs of ${subject}`);
        await pause(Math.random() * MAX_RUN_MS);
        await client.srem(`running:${subject}`, me);
        if (signal.aborted) report.lost += 1;
      });
    } catch (error) {
      if (Reflect.get(Object(error), 'status') === 429) report.denials += 1;
      else report.errors.push(String(error));
    }
  };
  const callForEver = async (): Promise<never> => {
    for (;;) await call();
  };
  for (let i = 0; i < callers; i++) void callForEver();
}

process.once('message', (task: PermitTask) => void begin(task));
