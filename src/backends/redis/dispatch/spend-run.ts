import { isPlain } from '../../../core/charge-checks.js';
import type { Policy } from '../../../core/policy.js';
import { backendErrorOf, isTryAgain } from '../clients/reply-errors.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { SpendRequest, spendOneArgs } from '../scripts/spend-codec.js';
import { SpendReply } from '../scripts/spend-reply.js';
import type { QueuedCall } from './queued-call.js';

/** Calls of a batch that one run of a script decides, in order. */
export class SpendRun {
  readonly calls: QueuedCall[] = [];
  readonly keys: string[] = [];
  /** Set when the run was answered, or when it failed. */
  reply: SpendReply | undefined;
  error: unknown;

  /** @param policy the policy of all calls, which have one charge each; undefined if any call may be in the run */
  constructor(
    readonly script: RedisScript,
    readonly policy: Policy | undefined,
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
   * Returns the arguments of the script, and a function that reads its reply.
   *
   * @param instant epoch milliseconds, or '' for the server's time
   */
  request(instant: string): { readonly args: readonly string[]; readonly decode: (reply: unknown) => SpendReply } {
    const { policy, calls } = this;
    if (policy === undefined) {
      const request = new SpendRequest(instant, calls);
      return { args: request.args, decode: (reply) => request.decode(reply) };
    }
    return { args: spendOneArgs(instant, policy, calls), decode: (reply) => new SpendReply(reply, undefined) };
  }
}

/** A run for a policy of its own is worth its command from so many calls on. */
const MIN_CALLS = 4;

/**
 * Divides a batch into runs: one for each policy that many calls of one charge are by, and one for all other calls. The order of
 * calls on a key is kept: runs are executed in order, and a call joins a run only if no later run may have its keys.
 */
export function runsOf(calls: readonly QueuedCall[], scripts: ScriptSet): readonly SpendRun[] {
  const chosen = policiesWithRuns(calls, scripts);
  const runs: SpendRun[] = [];
  /** The last run that has calls on a budget, by its id. */
  const lastRuns = new Map<string, SpendRun>();
  let general: SpendRun | undefined;
  for (const call of calls) {
    const policy = policyOfRun(call);
    const script = policy === undefined ? undefined : chosen.get(policy);
    let run: SpendRun | undefined;
    if (script !== undefined && policy !== undefined) {
      const last = lastRuns.get(policy.id);
      if (last !== undefined && (last.policy === policy || last.policy === undefined)) run = last;
      else run = last === undefined ? undefined : earlierRun(runs, last, policy, call);
      if (run === undefined) {
        run = new SpendRun(script, policy);
        runs.push(run);
        lastRuns.set(policy.id, run);
      }
    } else {
      if (general === undefined || !isLast(call, runs, lastRuns, general)) {
        general = new SpendRun(scripts.spend, undefined);
        runs.push(general);
      }
      run = general;
      for (const { policy } of call.charges) lastRuns.set(policy.id, run);
    }
    run.add(call);
  }
  return runs;
}

/** Returns the policies that get runs of their own, with their scripts: those of many calls, or the only one. */
function policiesWithRuns(calls: readonly QueuedCall[], scripts: ScriptSet): ReadonlyMap<Policy, RedisScript> {
  const counts = new Map<Policy, number>();
  for (const call of calls) {
    const policy = policyOfRun(call);
    if (policy !== undefined) counts.set(policy, (counts.get(policy) ?? 0) + 1);
  }
  const chosen = new Map<Policy, RedisScript>();
  for (const [policy, count] of counts) {
    const script = count >= MIN_CALLS || count === calls.length ? scripts.spendOne(policy) : undefined;
    if (script !== undefined) chosen.set(policy, script);
  }
  return chosen;
}

/** Returns the policy of a call that the script for one policy may decide. */
function policyOfRun({ charges, mode, isGeneral }: QueuedCall): Policy | undefined {
  const first = charges[0]; // destructuring an array is several times as expensive
  if (first === undefined || charges.length > 1 || mode === 'peek' || isGeneral || !isPlain(first)) return undefined;
  return first.policy;
}

/** Returns true if no run after this one has calls on a budget of the call. */
function isLast(
  { charges }: QueuedCall,
  runs: readonly SpendRun[],
  lastRuns: ReadonlyMap<string, SpendRun>,
  run: SpendRun,
): boolean {
  const at = runs.indexOf(run);
  return charges.every(({ policy }) => {
    const last = lastRuns.get(policy.id);
    return last === undefined || runs.indexOf(last) <= at;
  });
}

/** Returns the last run of a policy whose budget has later runs, by policies of other limits, if none of them has the call's key. */
function earlierRun(
  runs: readonly SpendRun[],
  last: SpendRun,
  policy: Policy,
  { keys: [key = ''] }: QueuedCall,
): SpendRun | undefined {
  for (let i = runs.indexOf(last); i >= 0; i--) {
    const run = runs[i];
    if (run?.policy === policy) return run;
    if (run?.keys.includes(key)) return undefined;
  }
  return undefined;
}
