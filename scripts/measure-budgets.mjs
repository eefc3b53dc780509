/**
 * Measures the memory that expired budgets leave: of policies that are defined at run time, one per tenant, and of
 * rates from a function. In each round 20 000 budgets with different periods are charged and expire; the heap after
 * each round should stay flat. Run it with `npm run measure:budgets [budgets per round]`. Exits with code 1 if the heap
 * grows.
 */
import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { definePolicy, ManualClock, MemoryBackend, ThrottleModule, ThrottleService } from '../dist/esm/index.js';

const BUDGETS = Number(process.argv[2] ?? 20_000);
const ROUNDS = 4;
const HOUR_MS = 3_600_000;
/**
 * How much the heap of a round may exceed that of the first: the garbage collector does not free everything at once.
 */
const TOLERANCE_MB = 2;

const collect = globalThis.gc ?? (() => {});

async function heapMb() {
  for (let i = 0; i < 3; i++) {
    collect();
    await pause(20);
  }
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Charges a separate budget for each number. */
const KINDS = {
  'policies of tenants': (throttle, i) =>
    throttle.consume(definePolicy(`tenant${i}`, { rate: `100/${1000 + i}ms`, strategy: 'fixed-window' }), 1, {
      subject: 'ada',
    }),
  'rates from a function': (throttle, i) => throttle.consume('api', 1, { subject: 'ada', context: { i } }),
};

async function measure(kind) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const backend = new MemoryBackend({ clock });
  const rate = ({ context }) => `100/${1000 + Number(context.i ?? 0)}ms`;
  class AppModule {}
  Module({
    imports: [ThrottleModule.forRoot({ backend, policies: { api: { rate, strategy: 'fixed-window' } } })],
  })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const throttle = app.get(ThrottleService);
  const heaps = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < BUDGETS; i++) await KINDS[kind](throttle, round * BUDGETS + i);
    clock.advance(HOUR_MS);
    // The sweep handles ten thousand states per tick.
    while (backend.size > 0 || backend.budgets > 0) await pause(20);
    heaps.push(await heapMb());
  }
  await app.close();
  return heaps;
}

const rows = {};
for (const kind of Object.keys(KINDS)) {
  const heaps = await measure(kind);
  rows[kind] = Object.fromEntries(heaps.map((mb, i) => [`heap after round ${i + 1}, MB`, Number(mb.toFixed(1))]));
  if (heaps.some((mb) => mb - heaps[0] > TOLERANCE_MB)) process.exitCode = 1;
}
console.log(
  `${ROUNDS} rounds of ${BUDGETS} budgets, Node ${process.version}${globalThis.gc ? '' : ', without --expose-gc: figures are rough'}`,
);
console.table(rows);
