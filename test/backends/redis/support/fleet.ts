import { type ChildProcess, fork } from 'node:child_process';
import type { Redis } from 'ioredis';
import { until } from '../../../support/wait-until.js';
import type { Answer, Task, Told } from './worker.js';

const loader = new URL('../../../support/typescript.mjs', import.meta.url).href;
const shift = new URL('./shift-clock.mjs', import.meta.url).href;
const worker = new URL('./worker.ts', import.meta.url);

/** Processes of their own, each with a backend and a connection of its own. */
export class Fleet implements Disposable {
  readonly #members: readonly ChildProcess[];

  /** @param shiftsMs one process each, whose clocks are ahead by so much */
  constructor(shiftsMs: readonly number[]) {
    this.#members = shiftsMs.map((ms) =>
      fork(worker, [], {
        execArgv: ['--import', shift, '--import', loader],
        env: { ...process.env, SHIFT_MS: String(ms) },
      }),
    );
  }

  /** All of them do the task. The server holds the first calls back until it has one of each, so that no process has it alone. */
  async run(task: Task, redis: Redis): Promise<readonly { answers: readonly Answer[]; processMs: number }[]> {
    await this.#each(task, 'ready');
    await redis.client('PAUSE', 30_000, 'WRITE');
    const done = this.#each('go', 'done');
    await until(async () => (await heldBack(redis)) >= this.#members.length);
    await redis.client('UNPAUSE');
    return (await done).map((told) => (typeof told === 'object' ? told : { answers: [], processMs: 0 }));
  }

  [Symbol.dispose](): void {
    for (const member of this.#members) member.kill('SIGKILL');
  }

  /** Sends a message to all, and waits until all have told what is awaited. */
  #each(message: Task | 'go', awaited: 'ready' | 'done'): Promise<readonly Told[]> {
    return Promise.all(
      this.#members.map(async (member) => {
        const answer = heard(member, awaited);
        member.send(message);
        return answer;
      }),
    );
  }
}

/** How many connections have sent a call that the paused server holds back: the flag `b` of `CLIENT LIST`. */
async function heldBack(redis: Redis): Promise<number> {
  const clients = String(await redis.client('LIST')).split('\n');
  return clients.filter((client) => / flags=\S*b/.test(client)).length;
}

function heard(member: ChildProcess, awaited: 'ready' | 'done'): Promise<Told> {
  return new Promise((resolve, reject) => {
    const hear = (message: Told) => {
      if ((typeof message === 'string' ? message : 'done') === awaited) stop(() => resolve(message));
    };
    const gone = (code: number | null) =>
      stop(() => reject(new Error(`A process of the test ended before it was done, with code ${code}`)));
    const stop = (settle: () => void) => {
      member.off('message', hear).off('exit', gone);
      settle();
    };
    member.on('message', hear).on('exit', gone);
  });
}
