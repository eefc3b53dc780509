import { type Clock, systemClock } from '../../../core/clock.js';
import type { Charge } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';
import type { Target } from '../../backend.js';
import { BackendError } from '../../backend-error.js';
import { orReturnLate, withDeadline } from '../../resilience/with-deadline.js';
import type { UnitReturns } from '../../unit-returns.js';
import type { RedisClient } from '../clients/redis-client.js';
import { backendErrorOf, timeoutError } from '../clients/reply-errors.js';
import { decodeLeaseReply, type LeaseVerdict, leaseArgs } from '../scripts/lease-codec.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { decodeSettleReply, settleArgs } from '../scripts/settle-codec.js';
import { type SpendReply, SpendRequest } from '../scripts/spend-codec.js';
import type { QueuedCall } from './queued-call.js';
import { ServerClock } from './server-clock.js';

export interface RedisNodeOptions {
  /** A clock that decides instead of the server's: for tests. */
  readonly clock?: Clock | undefined;
  /** Milliseconds after which a reply counts as lost. It bounds no call: each has its own deadline. */
  readonly replyTimeoutMs: number;
}

/** A request that the server refused as late told its time: with that it is sent once more, within the same deadline. */
const MAX_TRIES = 2;

/** One master: the estimate of its clock, and the commands that it is sent. All keys of a command are on this master. */
export class RedisNode {
  readonly clock: ServerClock;

  constructor(
    private readonly client: RedisClient,
    private readonly scripts: ScriptSet,
    private readonly options: RedisNodeOptions,
  ) {
    this.clock = new ServerClock(options.replyTimeoutMs);
  }

  /**
   * Asks for the server's time, which deadlines are sent in.
   *
   * @param keys a key that leads to this master
   */
  async readTime(keys: readonly string[]): Promise<void> {
    await this.#spend(keys, []);
  }

  /** Sends calls as one batch. Returns the reply, which has a verdict for each of them. */
  spend(calls: readonly QueuedCall[]): Promise<SpendReply> {
    const keys: string[] = [];
    for (const call of calls) {
      call.deadlineMs = this.#deadlineMs(call.dueMs);
      for (const key of call.keys) keys.push(key);
    }
    return this.#spend(keys, calls);
  }

  /** Makes each charge, taken at the instant `at`, one of the cost of the same index. */
  async settle(
    keys: readonly string[],
    charges: readonly Charge[],
    costs: readonly number[],
    at: number,
    dueMs: number,
  ): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const args = settleArgs(this.#instant(), this.#deadlineMs(dueMs), { at, charges }, costs);
      const { redirections } = this.client;
      const reply = decodeSettleReply(await this.#inTime(this.scripts.settle.run(this.client, keys, args), dueMs));
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
      verdict = await orReturnLate(
        this.#lease([key], leaseArgs(this.#instant(), this.#deadlineMs(dueMs), policy, wanted)),
        (reply) => this.#inTime(reply, dueMs),
        (late) => {
          if (late.kind !== 'decided' || late.grant.granted === 0) return;
          const { at, granted } = late.grant;
          void returns.start(receiptOf(at, [{ policy, subject, cost: granted }]));
        },
      );
    }
    return verdict;
  }

  async delete(keys: readonly string[], dueMs: number): Promise<void> {
    await this.#inTime(this.client.del(...keys), dueMs);
  }

  async #spend(keys: readonly string[], calls: readonly QueuedCall[]): Promise<SpendReply> {
    const request = new SpendRequest(this.#instant(), calls);
    const { redirections } = this.client;
    const reply = request.decode(await this.scripts.spend.run(this.client, keys, request.args));
    this.#note(reply, redirections);
    return reply;
  }

  async #lease(keys: readonly string[], args: readonly string[]): Promise<LeaseVerdict> {
    const { redirections } = this.client;
    const reply = decodeLeaseReply(await this.scripts.lease.run(this.client, keys, args));
    this.#note(reply, redirections);
    return reply.verdict;
  }

  /** A reply that may be of another master, to which the slot moves, tells nothing about this one's clock. */
  #note({ serverMs }: { readonly serverMs: number }, redirectionsBefore: number | undefined): void {
    if (this.clock.isKnown && this.client.redirections !== redirectionsBefore) return;
    this.clock.note(serverMs, systemClock.now());
  }

  /** Before the first reply: 0, which every server refuses as late. */
  #deadlineMs(dueMs: number): number {
    return this.clock.at(dueMs) ?? 0;
  }

  #instant(): string {
    return this.options.clock === undefined ? '' : String(this.options.clock.now());
  }

  /** Bounds a reply by our own timer: a client's timeouts do not cover the queues that it keeps. */
  async #inTime<T>(reply: Promise<T>, dueMs: number): Promise<T> {
    try {
      return await withDeadline(reply, dueMs, () => timeoutError(this.options.replyTimeoutMs));
    } catch (error) {
      throw backendErrorOf(error);
    }
  }
}
