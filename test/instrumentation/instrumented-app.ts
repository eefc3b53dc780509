import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { transformSync } from '@swc/core';
import { WsSocket } from '../support/ws-client.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const DIST = path.join(import.meta.dirname, 'dist');
const formats = { commonjs: 'app.cjs', es6: 'app.mjs' } as const;

export interface InstrumentedAppOptions {
  /** A file of `preload` that runs before the application. */
  readonly preload: string | undefined;
  readonly format: keyof typeof formats;
  readonly adapter: 'express' | 'fastify';
}

/** The state that the application reports. */
export interface Status {
  /** Labels of handlers, one for each denial. */
  readonly denied: readonly string[];
  /** The spans that the instrumentation recorded. */
  readonly seen: readonly string[];
  readonly warnings: readonly string[];
  /** Logged errors, to investigate failures. */
  readonly errors: readonly string[];
}

/**
 * Builds the package into `dist/node_modules` and compiles the application next to it. Both resolve Nest to that of this
 * folder: the package and the application have to share one copy. Types are not checked, which is another command's job.
 */
export function buildApp(): void {
  rmSync(DIST, { recursive: true, force: true });
  const installed = path.join(DIST, 'node_modules/nestjs-sluice');
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const flags = ['--noCheck', '--incremental', 'false', '--declaration', 'false'];
  for (const [format, project] of Object.entries({ esm: 'tsconfig.build.json', cjs: 'tsconfig.build-cjs.json' })) {
    const output = path.join(installed, 'dist', format);
    const args = [tsc, '-p', path.join(ROOT, project), ...flags, '--outDir', output];
    execFileSync(process.execPath, args, { stdio: 'inherit' });
  }
  writeFileSync(path.join(installed, 'dist/cjs/package.json'), '{"type":"commonjs"}');
  copyFileSync(path.join(ROOT, 'package.json'), path.join(installed, 'package.json'));

  const source = readFileSync(path.join(import.meta.dirname, 'app.ts'), 'utf8');
  for (const [type, file] of Object.entries(formats)) {
    const { code } = transformSync(source, {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, useDefineForClassFields: true },
      },
      module: { type: type === 'commonjs' ? 'commonjs' : 'es6' },
      swcrc: false,
    });
    writeFileSync(path.join(DIST, file), code);
  }
}

/** The application of `app.ts` in a process of its own. */
export class InstrumentedApp {
  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly port: number,
  ) {}

  static async start({ preload, format, adapter }: InstrumentedAppOptions): Promise<InstrumentedApp> {
    const imports = preload === undefined ? [] : ['--import', `./preload/${preload}`];
    const child = spawn(process.execPath, [...imports, path.join(DIST, formats[format])], {
      cwd: import.meta.dirname,
      env: { PATH: process.env.PATH, ADAPTER: adapter },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith('{"port"')) return new InstrumentedApp(child, JSON.parse(line).port);
    }
    throw new Error(`The application ended before it listened: ${preload}, ${format}, ${adapter}`);
  }

  /** The statuses of requests to paths, one after the other. */
  async statuses(...paths: readonly string[]): Promise<number[]> {
    const statuses: number[] = [];
    for (const one of paths) {
      const response = await fetch(`http://127.0.0.1:${this.port}${one}`);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    return statuses;
  }

  async status(): Promise<Status> {
    const response = await fetch(`http://127.0.0.1:${this.port}/status`);
    const text = await response.text();
    if (!response.ok) throw new Error(`/status: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** The events that come back for those sent, one after the other on a socket of their own. */
  async replies(...events: readonly string[]): Promise<string[]> {
    const socket = new WsSocket(this.port, {});
    try {
      await socket.opened();
      const replies: string[] = [];
      for (const event of events) {
        socket.send(event, null);
        replies.push((await socket.next()).event);
      }
      return replies;
    } finally {
      await socket.drop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.stdin.end();
    await exit;
  }
}
