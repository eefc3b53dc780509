import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A child process that handles one request at a time. The caller must stop it. */
export class Child {
  #process;

  /** @param {URL} file answers by `answer` */
  constructor(file, { execArgv = [], label = 'child' } = {}) {
    this.#process = fork(fileURLToPath(file), { execArgv: [...execArgv, ...profileArgs(label)] });
  }

  /** @throws the error of the process, or an error if it ended or did not respond in time */
  async ask(what, about = {}, giveUpMs = 180_000) {
    const child = this.#process;
    const over = new AbortController();
    const given = { signal: AbortSignal.any([over.signal, AbortSignal.timeout(giveUpMs)]) };
    child.send({ what, about });
    try {
      const ended = once(child, 'exit', given).then(() => [{ error: 'the process ended' }]);
      const [{ answer, error }] = await Promise.race([once(child, 'message', given), ended]);
      if (error !== undefined) throw new Error(`${what}: ${error}`);
      return answer;
    } finally {
      over.abort();
    }
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    const stuck = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(stuck);
  }
}

/** Sends one request to a new process, so that neither its code nor its heap is affected by others. */
export async function askOnce(file, what, about, options) {
  const child = new Child(file, options);
  try {
    return await child.ask(what, about);
  } finally {
    await child.stop();
  }
}

/** The other side: handles requests with these functions, and ends when its parent disconnects. */
export function answer(functions) {
  process.on('message', async ({ what, about }) => {
    try {
      process.send({ answer: (await functions[what](about)) ?? null });
    } catch (error) {
      process.send({ error: error.stack ?? String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
}

let profiles = 0;

/** With BENCH_PROFILES=folder every child writes a CPU profile there. */
function profileArgs(label) {
  const folder = process.env.BENCH_PROFILES;
  if (folder === undefined) return [];
  const name = `${label.replace(/[^\w.-]+/g, '-')}.${++profiles}.cpuprofile`;
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}`, '--cpu-prof-interval=200'];
}
