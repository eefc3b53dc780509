import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { serverBinary } from './redis.mjs';

const PACKAGES = [
  '@nestjs/core',
  'express',
  'fastify',
  'ioredis',
  'ws',
  'socket.io',
  '@nestjs/throttler',
  '@nest-lab/throttler-storage-redis',
  'rate-limiter-flexible',
  'express-rate-limit',
  'rate-limit-redis',
  '@fastify/rate-limit',
  '@joint-ops/hitlimit',
];

/** Returns the machine, and the versions of the measured packages. */
export function machine() {
  const [cpu] = os.cpus();
  const gigabytes = Math.round(os.totalmem() / 2 ** 30);
  return [
    `${os.cpus().length} cores, ${cpu?.model.trim()}, ${gigabytes} GB, ${os.type()} ${os.release()}`,
    `Node ${process.versions.node}, V8 ${process.versions.v8}, ${redisVersion()}`,
    PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', '),
  ];
}

function redisVersion() {
  const told = execFileSync(serverBinary(), ['--version'], { encoding: 'utf8' });
  return `${/^\w+/.exec(told)?.[0]} ${/v=(\S+)/.exec(told)?.[1]}`;
}

/** Read from its package.json, which not every package exports. */
function versionOf(name) {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      return JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf8')).version;
    } catch {}
  }
  return 'not found';
}
