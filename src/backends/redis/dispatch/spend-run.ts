import { isPlain } from '../../../core/charge-checks.js';
import { backendErrorOf, isTryAgain } from '../clients/reply-errors.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { SpendOneRequest, SpendRequest } from '../scripts/spend-codec.js';
import type { SpendReply } from '../scripts/spend-reply.js';
import type { QueuedCall } from './queued-call.js';

/** The arguments of a run, and what reads its reply. */
export type RunRequest = SpendRequest | SpendOneRequest;

/** Calls of a batch that one run of a script decides, in order. */
export class SpendRun {
  readonly calls: QueuedCall[] = [];
  readonly keys: string[] = [];
  /** Set when the run was answered, or when it failed. */
  reply: SpendReply | undefined;
  error: unknown;

  /**
   * @param script the general script, or that for calls of one charge by one strategy
   * @param isGeneral whether any call may be in the run
   * @param position its position in the batch
   */
  constructor(
    readonly script: RedisScript,
    readonly isGeneral: boolean,
    readonly position: number,
  ) {}

  add(call: QueuedCall): void {
    call.run = this;
    this.calls.push(call);
    for (const key of call.keys) this.keys.push(key);
  }

  /** Completes the next call of the run with its verdict, or with the error of the run; not if the call is to be sent again by itself. */
  complete(call: QueuedCall): void {
    if (this.reply !== undefined && this.error === undefined) {
      try {
        call.complete(this.reply.next(call));
        return;
      } catch (error) {
        // The rest of the reply cannot be read either.
        this.error = backendErrorOf(error);
      }
    }
    // Its keys are on two masters, because their slot moves: each call by itself can be decided.
    if (this.calls.length > 1 && isTryAgain(this.error)) return;
    call.fail(this.error);
  }

  /**
   * Returns the arguments of the script, and what reads its reply.
   *
   * @param instant epoch milliseconds, or '' for the server's time
   */
  request(instant: string): RunRequest {
    return this.isGeneral ? new SpendRequest(instant, this.calls) : new SpendOneRequest(instant, this.calls);
  }
}

/** A run for a strategy of its own is worth its command from so many calls on. */
const MIN_CALLS = 4;

/**
 * Divides a batch into runs: one for each strategy that many calls of one charge are by, and one for all other calls. The order of
 * calls on a key is kept: runs are executed in order, and a call joins a run only if no later run may have its keys.
 */
export function runsOf(calls: readonly QueuedCall[], scripts: ScriptSet): readonly SpendRun[] {
  const [first] = calls;
  if (calls.length === 1 && first !== undefined) return [runOf(first, scripts)];
  const chosen = scriptsWithRuns(calls, scripts);
  const runs: SpendRun[] = [];
  /** The last run of each script. */
  const lastOf = new Map<RedisScript, SpendRun>();
  /** The position of the last run that has calls on a budget, by its id. */
  const lastOn = new Map<string, number>();
  for (const call of calls) {
    const own = scriptOf(call, scripts);
    const isGeneral = own === undefined || !chosen.has(own);
    const script = isGeneral ? scripts.spend : own;
    let from = -1;
    for (const { policy } of call.charges) from = Math.max(from, lastOn.get(policy.id) ?? -1);
    let run = lastOf.get(script);
    // The general script decides any call.
    if (run === undefined || run.position < from) run = runs[from]?.isGeneral === true ? runs[from] : undefined;
    if (run === undefined) {
      run = new SpendRun(script, isGeneral, runs.length);
      runs.push(run);
      lastOf.set(script, run);
    }
    for (const { policy } of call.charges) lastOn.set(policy.id, run.position);
    run.add(call);
  }
  return runs;
}

/** Returns the run of a call that is alone in its batch, without the lists that a batch of several needs. */
function runOf(call: QueuedCall, scripts: ScriptSet): SpendRun {
  const script = scriptOf(call, scripts);
  const run = new SpendRun(script ?? scripts.spend, script === undefined, 0);
  run.add(call);
  return run;
}

/** Returns the scripts of strategies that get runs of their own: those of many calls, or the only one. */
function scriptsWithRuns(calls: readonly QueuedCall[], scripts: ScriptSet): ReadonlySet<RedisScript> {
  const counts = new Map<RedisScript, number>();
  for (const call of calls) {
    const script = scriptOf(call, scripts);
    if (script !== undefined) counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  const chosen = new Set<RedisScript>();
  for (const [script, count] of counts) if (count >= MIN_CALLS || count === calls.length) chosen.add(script);
  return chosen;
}

/** Returns the script for the only charge of a call; undefined if the general one has to decide the call. */
function scriptOf({ charges, mode, isGeneral }: QueuedCall, scripts: ScriptSet): RedisScript | undefined {
  const first = charges[0]; // destructuring an array is several times as expensive
  if (first === undefined || charges.length > 1 || mode === 'peek' || isGeneral || !isPlain(first)) return undefined;
  return scripts.spendOne(first.policy);
}
