import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A child process that handles one request at a time. */
export class Child {
  #process;

  constructor(file) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ['--expose-gc'] });
  }

  /** @throws the error of the process, or an error if it ended or did not respond in time */
  async ask(what, about = {}, giveUpMs = 60_000) {
    const over = new AbortController();
    const { signal } = over;
    const timer = setTimeout(() => over.abort(new Error(`${what}: no answer within ${giveUpMs} ms`)), giveUpMs);
    try {
      const ended = once(this.#process, 'exit', { signal }).then(() => [{ error: 'the process ended' }]);
      const told = once(this.#process, 'message', { signal });
      this.#process.send({ what, about });
      const [{ answer, error }] = await Promise.race([told, ended]);
      if (error !== undefined) throw new Error(`${what}: ${error}`);
      return answer;
    } finally {
      clearTimeout(timer);
      over.abort();
    }
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    const stuck = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    this.#process.disconnect();
    await ended;
    clearTimeout(stuck);
  }
}

/** The other side: handles requests with these functions. It ends with its parent. */
export function answer(functions) {
  process.on('message', async ({ what, about }) => {
    try {
      process.send({ answer: (await functions[what](about)) ?? null });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
}
