import { isPlain } from '../../../core/charge-checks.js';
import type { Charge } from '../../../core/decision.js';
import { isTryAgain, scriptErrorOf } from '../clients/reply-errors.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { SpendOneRequest, SpendRequest, SpendSeveralRequest } from '../scripts/spend-codec.js';
import type { SpendReply } from '../scripts/spend-reply.js';
import type { QueuedCall } from './queued-call.js';

/** The arguments of a run, and the decoder of its reply. */
export type RunRequest = SpendRequest | SpendOneRequest | SpendSeveralRequest;

/** Calls of a batch that one run of a script decides, in order. */
export class SpendRun {
  readonly calls: QueuedCall[] = [];
  readonly keys: string[] = [];
  /** Set when the run was answered, or when it failed. */
  reply: SpendReply | undefined;
  error: unknown;

  /**
   * @param script the general script, that for calls of one charge by one strategy, or that for calls of several plain
   *   charges
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

  /** Notes that the run failed. */
  fail(error: unknown): void {
    this.error = scriptErrorOf(error, this.script.userLines);
  }

  /**
   * Completes the next call of the run with its verdict, or with the error of the run, unless the call is to be sent
   * again by itself.
   */
  complete(call: QueuedCall): void {
    if (this.reply !== undefined && this.error === undefined) {
      try {
        call.complete(this.reply.next(call));
        return;
      } catch (error) {
        // The rest of the reply cannot be read either.
        this.fail(error);
      }
    }
    // Its keys are on two masters, because their slot moves. Each call can be decided separately.
    if (this.calls.length > 1 && isTryAgain(this.error)) return;
    call.fail(this.error);
  }

  /**
   * Returns the arguments of the script, and the decoder of its reply.
   *
   * @param instant epoch milliseconds, or '' for the server's time
   */
  request(instant: string): RunRequest {
    if (this.isGeneral) return new SpendRequest(instant, this.calls);
    const isOfOne = this.calls[0]?.charges.length === 1;
    return isOfOne ? new SpendOneRequest(instant, this.calls) : new SpendSeveralRequest(instant, this.calls);
  }
}

/** The number of calls from which a run of a script for plain charges is worth its command. */
const MIN_CALLS = 4;

/**
 * Divides a batch into runs: one for each script that many calls are for, and one for all other calls. The order of
 * calls on a key is kept: runs are executed in order, and a call joins a run only if no later run may have its keys.
 */
export function runsOf(calls: readonly QueuedCall[], scripts: ScriptSet): readonly SpendRun[] {
  return hasOneScript(calls, scripts) ? [runOf(calls, scripts)] : mixedRunsOf(calls, scripts);
}

/** Returns true in the usual case: all calls are for one script. */
function hasOneScript(calls: readonly QueuedCall[], scripts: ScriptSet): boolean {
  const [first] = calls;
  if (calls.length === 1 || first === undefined) return true;
  const script = scriptOf(first, scripts);
  for (const call of calls) if (call !== first && scriptOf(call, scripts) !== script) return false;
  return true;
}

function runOf(calls: readonly QueuedCall[], scripts: ScriptSet): SpendRun {
  const [first] = calls;
  const script = first === undefined ? undefined : scriptOf(first, scripts);
  const run = new SpendRun(script ?? scripts.spend, script === undefined, 0);
  for (const call of calls) run.add(call);
  return run;
}

function mixedRunsOf(calls: readonly QueuedCall[], scripts: ScriptSet): readonly SpendRun[] {
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

/** Returns the scripts for plain charges that run separately: those with many calls. */
function scriptsWithRuns(calls: readonly QueuedCall[], scripts: ScriptSet): ReadonlySet<RedisScript> {
  const counts = new Map<RedisScript, number>();
  for (const call of calls) {
    const script = scriptOf(call, scripts);
    if (script !== undefined) counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  const chosen = new Set<RedisScript>();
  for (const [script, count] of counts) if (count >= MIN_CALLS) chosen.add(script);
  return chosen;
}

/** Returns the script for the plain charges of a call; undefined if the general one has to decide the call. */
function scriptOf({ charges, keys, mode, isGeneral }: QueuedCall, scripts: ScriptSet): RedisScript | undefined {
  const first = charges[0]; // destructuring an array is several times as expensive
  if (first === undefined || mode === 'peek' || isGeneral || !isPlain(first)) return undefined;
  if (charges.length === 1) return scripts.spendOne(first.policy);
  for (let i = 0; i < charges.length; i++) {
    const charge = charges[i] as Charge;
    if (!isPlain(charge) || scripts.spendOne(charge.policy) === undefined) return undefined;
    // Only the general script decides a charge on the state that an earlier charge of the call leaves.
    if (keys.indexOf(keys[i] ?? '') < i) return undefined;
  }
  return scripts.spendSeveral;
}
