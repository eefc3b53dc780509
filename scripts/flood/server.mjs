// The application of scripts/flood.mjs: a gateway, and the measurement of its process.
import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.mjs';
import { startApp } from './gateway.mjs';

/** How often the delay of the event loop is sampled. The histogram includes this interval, so it is subtracted. */
const RESOLUTION_MS = 1;
const SAMPLE_MS = 10;
/** The time after which all calls that waited for Redis have been decided without it: several times `timeoutMs`. */
const DECIDED_MS = 500;
const MEGABYTE = 2 ** 20;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let counts;
/** The socket of the latest client. */
let socket;
let began;
let sampler;
let peak;

answer({ start, begin, end });

async function start(about) {
  const started = await startApp(about);
  ({ counts } = started);
  started.server.on('connection', (one) => {
    socket = one;
  });
  return started.server.address().port;
}

/** Starts the measurement. */
function begin() {
  const memory = collected();
  began = { ...memory, ...counts, bytes: socket.bytesRead, cpu: process.cpuUsage() };
  peak = { ...memory };
  sampler = setInterval(() => {
    const { rss, heapUsed } = process.memoryUsage();
    peak.rss = Math.max(peak.rss, rss);
    peak.heapUsed = Math.max(peak.heapUsed, heapUsed);
  }, SAMPLE_MS);
  histogram.reset();
  histogram.enable();
}

/** @param about.received the number of messages; default: by the bytes that were read */
async function end({ bytesEach, received = Math.floor((socket.bytesRead - began.bytes) / bytesEach) }) {
  histogram.disable();
  const cpu = process.cpuUsage(began.cpu);
  clearInterval(sampler);
  await pause(DECIDED_MS);
  const memory = collected();
  const growth = (to, of) => (to[of] - began[of]) / MEGABYTE;
  const delay = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  return {
    received,
    handled: counts.handled - began.handled,
    denied: counts.denied - began.denied,
    cpuUs: (cpu.user + cpu.system) / received,
    rssBefore: began.rss / MEGABYTE,
    rssGrowth: growth(memory, 'rss'),
    rssPeak: growth(peak, 'rss'),
    heapGrowth: growth(memory, 'heapUsed'),
    heapPeak: growth(peak, 'heapUsed'),
    delayP50: delay(histogram.percentile(50)),
    delayP99: delay(histogram.percentile(99)),
    delayMax: delay(histogram.max),
  };
}

function collected() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}
