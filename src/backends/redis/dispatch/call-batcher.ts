import { systemClock } from '../../../core/clock.js';
import { BackendError } from '../../backend-error.js';
import type { Deadlined, DeadlineQueue } from '../../resilience/deadline-queue.js';
import { isTryAgain } from '../clients/reply-errors.js';
import type { QueuedCall } from './queued-call.js';
import type { RedisNode } from './redis-node.js';
import type { RedisTopology } from './redis-topology.js';

/** The maximum number of calls in a batch. A longer run of the script would block other clients of the server. */
const MAX_CALLS = 128;
/** The number of waiting calls from which a second batch in flight is worth its round trip. */
const MIN_SECOND_BATCH = 8;

/** Milliseconds for which calls are sent one by one after a master refused a batch because its slot moves. */
const SLOT_MOVES_MS = 1000;

/** Calls that have been sent, or the request for the server's time, which has none. */
interface Batch extends Deadlined {
  readonly calls: readonly QueuedCall[];
  /**
   * Set if the server may not have its scripts: then the batch may be sent again, and no other batch is sent until it
   * has been decided.
   */
  isLoading: boolean;
}

/**
 * Batches the calls of one slot. A call is sent at once if no batch is in flight; calls of one event-loop turn, or that
 * arrive during a batch, go together. Under load two half-size batches are in flight: Redis executes one while the
 * reply of the other is decoded.
 */
export class CallBatcher {
  readonly #queue: QueuedCall[] = [];
  readonly #inFlight = new Set<Batch>();
  #callsInFlight = 0;
  #isTurnScheduled = false;
  /** The local instant until which the slot is assumed to be moving to another master. */
  #movesUntilMs = 0;

  /** @param replyTimeoutMs milliseconds after which a batch without a reply no longer delays the calls after it */
  constructor(
    private readonly topology: RedisTopology,
    private readonly slot: number,
    private readonly deadlines: DeadlineQueue,
    private readonly replyTimeoutMs: number,
  ) {}

  add(call: QueuedCall): void {
    this.#queue.push(call);
    this.#sendDue(false);
  }

  /** Fails the calls that have not been sent. */
  close(): void {
    this.#failQueued(new BackendError('CONNECTION', 'The backend was closed'));
  }

  #sendDue(isEndOfTurn: boolean): void {
    while (this.#isBatchDue(isEndOfTurn)) this.#sendBatch();
    if (!isEndOfTurn && this.#inFlight.size === 1 && this.#queue.length >= MIN_SECOND_BATCH) this.#scheduleEndOfTurn();
  }

  #isBatchDue(isEndOfTurn: boolean): boolean {
    const { length } = this.#queue;
    if (length === 0 || this.#inFlight.size > 1) return false;
    if (this.#inFlight.size === 0) return !this.#isTurnScheduled;
    if (this.#callsInFlight === 0) return false; // the server's time is being asked for
    for (const { isLoading } of this.#inFlight) if (isLoading) return false;
    // A second batch goes when it is full, or when no more calls of this turn can join it.
    return length >= MAX_CALLS || (isEndOfTurn && length >= this.#halfOfCalls());
  }

  /** Half of the calls that wait for a reply: the size of a batch, so that a second one of that size can follow it. */
  #halfOfCalls(): number {
    const half = Math.floor((this.#queue.length + this.#callsInFlight) / 2);
    return Math.min(MAX_CALLS, Math.max(MIN_SECOND_BATCH, half));
  }

  #sendBatch(): void {
    const node = this.topology.masterOf(this.slot);
    if (!node.clock.isKnown) {
      void this.#readTime(node);
      return;
    }
    const size = this.#inFlight.size === 0 ? this.#halfOfCalls() : MAX_CALLS;
    const calls = this.#queue.splice(0, size).filter(({ isCompleted }) => !isCompleted);
    const now = systemClock.now();
    // After a stall of the event loop replies are read before the timers of deadlines have run.
    for (const call of calls) if (call.dueMs < now) this.deadlines.renew(call);
    if (now < this.#movesUntilMs) this.#decideOneByOne(node, calls);
    else if (calls.length > 0) this.#decide(node, calls);
  }

  #decideOneByOne(node: RedisNode, calls: readonly QueuedCall[]): void {
    for (const call of calls) this.#decide(node, [call]);
  }

  /** Requests the server's time. The calls stay in the queue until it is known. */
  async #readTime(node: RedisNode): Promise<void> {
    const waiting = this.#queue.splice(0).filter(({ isCompleted }) => !isCompleted);
    this.#queue.push(...waiting);
    const [first] = waiting;
    if (first === undefined) return;
    const batch = this.#start([]);
    try {
      await node.readTime(first.keys.slice(0, 1));
    } catch (error) {
      this.#failQueued(error);
    }
    this.#release(batch);
  }

  /** Sends calls as one batch: a run of a script for each policy, in order. */
  #decide(node: RedisNode, calls: readonly QueuedCall[]): void {
    const batch = this.#start(calls);
    const runs = node.runsOf(calls);
    batch.isLoading = !node.hasScriptsOf(runs);
    node.spend(runs, () => this.#end(batch));
  }

  /** Completes the calls of a batch that has been answered, in the order in which they came. */
  #end(batch: Batch): void {
    for (const call of batch.calls) {
      const { run } = call;
      run?.complete(call);
      if (run?.error !== undefined && isTryAgain(run.error)) this.#movesUntilMs = systemClock.now() + SLOT_MOVES_MS;
    }
    // Refused as late for the first time, not decided, or of a run whose keys are on two masters.
    for (const call of batch.calls) if (!call.isCompleted) this.#queue.push(call);
    this.#release(batch);
  }

  #start(calls: readonly QueuedCall[]): Batch {
    const batch: Batch = { calls, isLoading: false, fail: () => this.#release(batch) };
    this.#inFlight.add(batch);
    this.#callsInFlight += calls.length;
    this.deadlines.add(batch, systemClock.now() + this.replyTimeoutMs);
    return batch;
  }

  /** Takes a batch out of flight: it was answered, or its reply counts as lost. */
  #release(batch: Batch): void {
    if (!this.#inFlight.delete(batch)) return;
    this.deadlines.remove(batch);
    this.#callsInFlight -= batch.calls.length;
    // Calls answered in one batch tend to arrive together again, so they are sent as one batch.
    if (batch.calls.length > 1) this.#scheduleEndOfTurn();
    this.#sendDue(false);
  }

  #scheduleEndOfTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      this.#isTurnScheduled = false;
      this.#sendDue(true);
    });
  }

  #failQueued(error: unknown): void {
    for (const call of this.#queue.splice(0)) call.fail(error);
  }
}
