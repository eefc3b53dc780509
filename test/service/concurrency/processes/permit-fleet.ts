import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { defineConcurrency, RedisBackend } from '../../../../src/index.js';
import type { PermitReport, PermitTask } from './permit-process.js';

/** Processes that take and give back permits all the time. */
export class PermitFleet {
  readonly totals = { runs: 0, denials: 0, lost: 0, kills: 0 };
  readonly excess: string[] = [];
  readonly errors: string[] = [];
  readonly #processes: ChildProcess[] = [];

  constructor(
    private readonly task: PermitTask,
    private readonly client: Redis,
  ) {}

  start(): void {
    const loader = new URL('../../../support/typescript.mjs', import.meta.url).href;
    const child = fork(new URL('./permit-process.ts', import.meta.url), [], { execArgv: ['--import', loader] });
    child.on('message', (report: PermitReport) => {
      this.totals.runs += report.runs;
      this.totals.denials += report.denials;
      this.totals.lost += report.lost;
      this.excess.push(...report.excess);
      this.errors.push(...report.errors);
    });
    child.send(this.task);
    this.#processes.push(child);
  }

  /** Kills a process with SIGKILL while it runs. Its work has ended, and its permits are held until they expire. */
  async kill(at: number): Promise<void> {
    const [child] = this.#processes.splice(at, 1);
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    this.totals.kills += 1;
    for (const key of this.#keys) {
      const mine = (await this.client.smembers(key)).filter((member) => member.startsWith(`${child.pid}:`));
      if (mine.length > 0) await this.client.srem(key, ...mine);
    }
  }

  async killAll(): Promise<void> {
    while (this.#processes.length > 0) await this.kill(0);
  }

  /** Waits until all permits are free. Returns the milliseconds that it took. */
  async untilFree(maxMs: number): Promise<number> {
    const startedAt = performance.now();
    while ((await this.held()) > 0) {
      const tookMs = performance.now() - startedAt;
      if (tookMs > maxMs) throw new Error(`${await this.held()} permits are held after ${Math.round(tookMs)} ms`);
      await pause(20);
    }
    return performance.now() - startedAt;
  }

  /** The permits that are held now. */
  async held(): Promise<number> {
    const { limit, subjects } = this.task;
    const { holds } = new RedisBackend(this.client, { timeoutMs: 5000 });
    if (holds === undefined) throw new Error('no holds');
    const policy = defineConcurrency('work', limit);
    let held = 0;
    for (let i = 0; i < subjects; i++) {
      const read = { policy, subject: `subject:${i}`, id: 0, units: 0, ttlMs: 1 };
      const { decisions } = await holds.peek([read], []);
      held += limit - (decisions[0]?.remaining ?? 0);
    }
    return held;
  }

  get #keys(): readonly string[] {
    return Array.from({ length: this.task.subjects }, (_, i) => `running:subject:${i}`);
  }
}
