import type { Redis } from 'ioredis';
import type { ScriptName } from './scripts-under-test.js';

/** A run of a script with exactly what is expected of it, or a command between runs. */
export type Run =
  | {
      readonly script: ScriptName;
      readonly keys: readonly string[];
      readonly args: readonly string[];
      /** The server's time in microseconds. */
      readonly timeUs: number;
      /** The reply and the writes in alphabetical order, or the error. */
      readonly expected:
        | { readonly reply: readonly unknown[]; readonly written: readonly string[] }
        | { readonly error: string };
    }
  | { readonly command: readonly string[]; readonly expected?: unknown };

/** Runs in order, on an empty server. */
export type ScriptCase = { readonly name: string; readonly runs: readonly Run[] };

type Shas = ReadonlyMap<ScriptName, string>;

/** Runs a case. Returns a description of the first run that did not do what is expected, or null. */
export async function firstDifference(client: Redis, shas: Shas, { name, runs }: ScriptCase): Promise<string | null> {
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
    pipeline.evalsha(shas.get(script) ?? '', keys.length, ...keys, ...args, time);
  }
  const [, ...answers] = (await pipeline.exec()) ?? [];
  for (const [i, run] of runs.entries()) {
    const [error, answer] = answers[i] ?? [new Error('no answer'), undefined];
    const expected =
      'command' in run && !('expected' in run) ? describeResult(error, answer, run) : JSON.stringify(run.expected);
    const got = describeResult(error, answer, run);
    if (got !== expected) return `${name}, run ${i}: ${JSON.stringify(run)}\nexpected ${expected}\ngot ${got}`;
  }
  return null;
}

function describeResult(error: Error | null, answer: unknown, run: Run): string {
  if (error !== null)
    return JSON.stringify({
      error: /(sluice: .*|NOPERM refused)/.exec(error.message)?.[0].replace(/ script: .*/, '') ?? error.message,
    });
  if ('command' in run || !Array.isArray(answer)) return JSON.stringify(answer);
  const [reply, written]: readonly unknown[] = answer;
  return JSON.stringify({ reply, written: Array.isArray(written) ? written.toSorted() : written });
}
