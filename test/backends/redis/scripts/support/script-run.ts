import type { Redis } from 'ioredis';
import type { ScriptName } from './scripts-under-test.js';

/** One run of a script, or a command that sets the scene for the next: and exactly what it must come to. */
export type Run =
  | {
      readonly script: ScriptName;
      readonly keys: readonly string[];
      readonly args: readonly string[];
      /** The server's time in microseconds. */
      readonly timeUs: number;
      /** The reply, and what is written, in the order of the alphabet; or the error. */
      readonly expected:
        | { readonly reply: readonly unknown[]; readonly written: readonly string[] }
        | { readonly error: string };
    }
  | { readonly command: readonly string[]; readonly expected?: unknown };

/** The runs of one scene, on a server without any state. */
export type Scene = { readonly name: string; readonly runs: readonly Run[] };

type Shas = Readonly<Record<ScriptName, string>>;

/** Plays a scene, and says where the scripts first did something else than they must. */
export async function firstDifference(client: Redis, shas: Shas, { name, runs }: Scene): Promise<string | null> {
  const pipeline = client.pipeline();
  pipeline.flushdb();
  for (const run of runs) {
    if ('command' in run) {
      const [command = '', ...args] = run.command;
      pipeline.call(command, ...args);
      continue;
    }
    const { script, keys, args, timeUs } = run;
    const time = `${Math.floor(timeUs / 1_000_000)} ${timeUs % 1_000_000}`;
    pipeline.evalsha(shas[script], keys.length, ...keys, ...args, time);
  }
  const [, ...answers] = (await pipeline.exec()) ?? [];
  for (const [i, run] of runs.entries()) {
    const [error, answer] = answers[i] ?? [new Error('no answer'), undefined];
    const expected = 'command' in run && !('expected' in run) ? told(error, answer, run) : JSON.stringify(run.expected);
    const got = told(error, answer, run);
    if (got !== expected) return `${name}, run ${i}: ${JSON.stringify(run)}\nmust ${expected}\ndoes ${got}`;
  }
  return null;
}

function told(error: Error | null, answer: unknown, run: Run): string {
  if (error !== null)
    return JSON.stringify({
      error: /(sluice: .*|NOPERM refused)/.exec(error.message)?.[0].replace(/ script: .*/, '') ?? error.message,
    });
  if ('command' in run || !Array.isArray(answer)) return JSON.stringify(answer);
  const [reply, written]: readonly unknown[] = answer;
  return JSON.stringify({ reply, written: Array.isArray(written) ? written.toSorted() : written });
}
