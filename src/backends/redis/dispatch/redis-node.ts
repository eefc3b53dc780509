import { type Clock, systemClock } from '../../../core/clock.js';
import type { TakenCharge } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';
import type { Target } from '../../backend.js';
import { BackendError } from '../../backend-error.js';
import { ServerClock } from '../../resilience/server-clock.js';
import { orReturnLate, withDeadline } from '../../resilience/with-deadline.js';
import type { UnitReturns } from '../../unit-returns.js';
import type { ConnectionErrors } from '../clients/connection-errors.js';
import type { RedisClient, RedisPipeline } from '../clients/redis-client.js';
import { isNoScript, scriptErrorOf, timeoutError } from '../clients/reply-errors.js';
import { type ScriptSender, scriptSender } from '../clients/script-sender.js';
import { type BlockReply, blockScriptArgs, decodeBlockReply } from '../scripts/block-codec.js';
import type { TimedReply } from '../scripts/call-verdict.js';
import { decodeLeaseReply, type LeaseVerdict, leaseArgs } from '../scripts/lease-codec.js';
import type { RedisScript } from '../scripts/redis-script.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { decodeSettleReply, settleArgs } from '../scripts/settle-codec.js';
import { decodeWriteReply, writeArgs } from '../scripts/write-codec.js';
import type { QueuedCall } from './queued-call.js';
import { type RunRequest, runsOf, SpendRun } from './spend-run.js';

export interface RedisNodeOptions {
  /** A clock that decides instead of the server's: for tests. */
  readonly clock?: Clock | undefined;
  /** Milliseconds after which a reply counts as lost. It bounds no call: each has its own deadline. */
  readonly replyTimeoutMs: number;
  /** Knows why there is no connection. */
  readonly connection: ConnectionErrors;
}

/** A request that the server refused as late is sent once more, with the server's time and within the same deadline. */
const MAX_TRIES = 2;
/** The maximum number of keys that one run deletes. A longer run would block other clients of the server. */
const MAX_KEYS_PER_RUN = 999;

/** One master: the estimate of its clock, and the commands sent to it. All keys of a command are on this master. */
export class RedisNode {
  readonly clock: ServerClock;
  /**
   * The scripts that are known to be on the server. Until a script is one of them, it is sent in full: a run that is
   * refused because its script is missing, and is sent again, would be executed after the runs behind it.
   */
  readonly #loaded = new WeakSet<RedisScript>();
  readonly #sender: ScriptSender;

  /** @param node the address of one master of several */
  constructor(
    private readonly client: RedisClient,
    private readonly scripts: ScriptSet,
    private readonly options: RedisNodeOptions,
    private readonly node?: string,
  ) {
    this.clock = new ServerClock(options.replyTimeoutMs);
    this.#sender = scriptSender(client);
  }

  /**
   * Requests the server's time, on which the deadlines in commands are based.
   *
   * @param keys a key that leads to this master
   */
  async readTime(keys: readonly string[]): Promise<void> {
    const run = new SpendRun(this.scripts.spend, true, 0);
    run.keys.push(...keys);
    await this.#sendAlone(run);
    if (run.error !== undefined) throw run.error;
  }

  /** Divides calls into runs of the scripts, to be sent in order. */
  runsOf(calls: readonly QueuedCall[]): readonly SpendRun[] {
    for (const call of calls) {
      call.mayRenew = false;
      call.deadlineMs = this.#deadlineMs(call.dueMs);
    }
    return runsOf(calls, this.scripts);
  }

  /** Returns true if the server has the scripts of all runs. */
  hasScriptsOf(runs: readonly SpendRun[]): boolean {
    return runs.every(({ script }) => this.#loaded.has(script));
  }

  /** Sends runs in order, in one write, and passes each its reply or error. Then calls `done`. Never throws. */
  spend(runs: readonly SpendRun[], done: () => void): void {
    const pipeline = runs.length > 1 ? this.client.pipeline?.() : undefined;
    if (pipeline !== undefined) {
      void this.#sendTogether(runs, pipeline).then(done);
      return;
    }
    let open = runs.length;
    const end = () => {
      open -= 1;
      if (open === 0) done();
    };
    for (const run of runs) this.#send(run, runs.length > 1, end);
  }

  /**
   * Changes each charge, taken at the instant `at`, to the cost at the same index. Without an instant, returns units.
   */
  async settle(
    keys: readonly string[],
    charges: readonly TakenCharge[],
    costs: readonly number[],
    at: number | undefined,
    dueMs: number,
  ): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const due = this.#dueOf(dueMs, tries);
      const args = settleArgs(this.#instant(), this.#deadlineMs(due), { at, charges }, costs);
      const { redirections } = this.client;
      const { settle } = this.scripts;
      const reply = decodeSettleReply(await this.#inTime(settle.run(this.client, keys, args), due, settle));
      this.#note(reply, redirections);
      if (reply.isDone) return;
    }
    throw new BackendError('LATE', 'The refund reached Redis after its deadline and was refused');
  }

  /** Takes up to `wanted` units from a budget. Units of a reply that comes after the deadline are returned. */
  async lease(
    key: string,
    { policy, subject }: Target,
    wanted: number,
    dueMs: number,
    returns: UnitReturns,
  ): Promise<LeaseVerdict> {
    let verdict: LeaseVerdict = { kind: 'late' };
    for (let tries = 0; tries < MAX_TRIES && verdict.kind === 'late'; tries++) {
      const due = this.#dueOf(dueMs, tries);
      verdict = await orReturnLate(
        this.#lease([key], leaseArgs(this.#instant(), this.#deadlineMs(due), policy, wanted)),
        (reply) => this.#inTime(reply, due, this.scripts.lease),
        (late) => {
          if (late.kind !== 'decided' || late.grant.granted === 0) return;
          const { at, granted } = late.grant;
          void returns.start(receiptOf(at, [{ policy, subject, cost: granted }]));
        },
      );
    }
    return verdict;
  }

  /**
   * Runs a script whose reply has the server's time, and whether the run was late. A reply that comes after the
   * deadline is passed to `returnLate`.
   *
   * @param encode the arguments, from the instant and the deadline in the server's milliseconds
   */
  async runTimed<Reply extends TimedReply>(
    script: RedisScript,
    keys: readonly string[],
    encode: (instant: string, deadlineMs: number) => readonly string[],
    decode: (reply: unknown) => Reply,
    dueMs: number,
    returnLate: (late: Reply) => void,
  ): Promise<Reply> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const due = this.#dueOf(dueMs, tries);
      const { redirections } = this.client;
      const args = encode(this.#instant(), this.#deadlineMs(due));
      const sent = new Promise<unknown>((resolve, reject) => {
        script.runBuffer(this.#sender, keys, args, false, resolve, reject);
      }).then((bytes) => {
        const reply = decode(bytes);
        this.#note(reply, redirections);
        return reply;
      });
      const reply = await orReturnLate(
        sent,
        (running) => this.#inTime(running, due, script),
        (late) => {
          if (!late.isLate) returnLate(late);
        },
      );
      if (!reply.isLate) return reply;
    }
    throw new BackendError('LATE', 'The request reached Redis after its deadline and was refused');
  }

  /** Blocks the subject of a budget for `forMs`, or ends its block if that is undefined. */
  block(key: string, forMs: number | undefined, dueMs: number): Promise<BlockReply> {
    const encode = (instant: string, deadlineMs: number) => blockScriptArgs(instant, deadlineMs, forMs);
    return this.runTimed(this.scripts.block, [key], encode, decodeBlockReply, dueMs, () => {});
  }

  /**
   * Runs one command that writes. The server refuses it after the deadline, so that a write that was reported as failed
   * is not applied later, when a frozen server continues.
   *
   * @param keys at most a few thousand, for a run of a script
   * @param args those of the command behind its keys
   */
  async write(
    command: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    dueMs: number,
  ): Promise<void> {
    const encode = (instant: string, deadlineMs: number) => writeArgs(instant, deadlineMs, command, args);
    await this.runTimed(this.scripts.write, keys, encode, decodeWriteReply, dueMs, () => {});
  }

  /** Deletes keys. If it rejects, it may have deleted some of them. */
  async delete(keys: readonly string[], dueMs: number): Promise<void> {
    for (let first = 0; first < keys.length; first += MAX_KEYS_PER_RUN) {
      await this.write('del', keys.slice(first, first + MAX_KEYS_PER_RUN), [], dueMs);
    }
  }

  /** Sends one command that reads, and returns its reply, with strings as bytes. */
  read(command: string, args: readonly (string | number)[], dueMs: number): Promise<unknown> {
    return this.#inTime(this.client.callBuffer(command, ...args), dueMs);
  }

  /**
   * Returns the instant that decides now, in epoch milliseconds: the server's, as far as it is known, unless a clock
   * decides.
   *
   * @param key a key that leads to this master
   */
  async now(key: string, dueMs: number): Promise<number> {
    const { clock } = this.options;
    if (clock !== undefined) return clock.now();
    if (!this.clock.isKnown) await this.#inTime(this.readTime([key]), dueMs);
    return Math.floor(this.clock.at(systemClock.now()) ?? systemClock.now());
  }

  /**
   * Sends a run, and sets its reply or its error. Then calls `end`.
   *
   * @param isOrdered whether other runs are sent behind it
   */
  #send(run: SpendRun, isOrdered: boolean, end: () => void): void {
    const fail = (error: unknown) => {
      run.fail(error);
      end();
    };
    try {
      const { script } = run;
      const { redirections } = this.client;
      const request = run.request(this.#instant());
      const take = (bytes: unknown) => {
        this.#read(run, request, bytes, redirections);
        end();
      };
      const isInFull = isOrdered && !this.#loaded.has(script);
      script.runBuffer(this.#sender, keysOf(run, request), request.args, isInFull, take, fail);
    } catch (error) {
      fail(error);
    }
  }

  /** Sets the reply of a run, or its error if the reply cannot be decoded. */
  #read(run: SpendRun, request: RunRequest, bytes: unknown, redirectionsBefore: number | undefined): void {
    try {
      run.reply = request.decode(bytes);
      this.#loaded.add(run.script);
      this.#note(run.reply, redirectionsBefore);
    } catch (error) {
      run.fail(error);
    }
  }

  #sendAlone(run: SpendRun): Promise<void> {
    return new Promise((resolve) => this.#send(run, false, resolve));
  }

  /** Not for the master of a Cluster, whose redirections a pipeline would not follow. */
  async #sendTogether(runs: readonly SpendRun[], pipeline: RedisPipeline): Promise<void> {
    try {
      const requests = runs.map((run) => run.request(this.#instant()));
      for (const [i, run] of runs.entries()) {
        const request = requests[i];
        if (request === undefined) continue;
        run.script.addTo(pipeline, keysOf(run, request), request.args, !this.#loaded.has(run.script));
      }
      const replies = (await pipeline.exec()) ?? [];
      for (const [i, run] of runs.entries()) {
        const [error, bytes] = replies[i] ?? [null, undefined];
        const request = requests[i];
        if (error === null && request !== undefined) this.#read(run, request, bytes, undefined);
        // A server without the script refuses the run, and gets it in full.
        else if (isNoScript(error)) await this.#sendAlone(run);
        else run.fail(error);
      }
    } catch (error) {
      for (const run of runs) if (run.reply === undefined && run.error === undefined) run.fail(error);
    }
  }

  async #lease(keys: readonly string[], args: readonly string[]): Promise<LeaseVerdict> {
    const { redirections } = this.client;
    const reply = decodeLeaseReply(await this.scripts.lease.run(this.client, keys, args));
    this.#note(reply, redirections);
    return reply.verdict;
  }

  /** A reply may come from another master while the slot moves. It says nothing about the clock of this one. */
  #note({ serverMs }: { readonly serverMs: number }, redirectionsBefore: number | undefined): void {
    if (this.clock.isKnown && this.client.redirections !== redirectionsBefore) return;
    this.clock.note(serverMs, systemClock.now());
  }

  /** Before the first reply: 0, which every server refuses as late. */
  #deadlineMs(dueMs: number): number {
    return this.clock.at(dueMs) ?? 0;
  }

  /**
   * Returns the deadline of an attempt. If the reply to the first attempt is read after the deadline, the event loop of
   * this process was stalled, so the second attempt gets the full time again.
   */
  #dueOf(dueMs: number, tries: number): number {
    const now = systemClock.now();
    return tries > 0 && now >= dueMs ? now + this.options.replyTimeoutMs : dueMs;
  }

  #instant(): string {
    return this.options.clock === undefined ? '' : String(this.options.clock.now());
  }

  /**
   * Bounds a reply by a timer of this library, because the timeouts of a client do not cover its queues.
   *
   * @param script the script that replies; none for a command
   */
  async #inTime<T>(reply: Promise<T>, dueMs: number, script?: RedisScript): Promise<T> {
    try {
      return await withDeadline(reply, dueMs, () => timeoutError(this.options.replyTimeoutMs));
    } catch (error) {
      throw this.options.connection.explain(scriptErrorOf(error, script?.userLines), this.node);
    }
  }
}

/** The keys of a run, followed by the additional keys of charges that may be overridden. */
function keysOf({ keys }: SpendRun, { moreKeys }: RunRequest): readonly string[] {
  return moreKeys.length === 0 ? keys : [...keys, ...moreKeys];
}
