import type { Charge, Receipt } from '../core/decision.js';
import { BackendError } from './backend-error.js';
import { backendErrorOf } from './redis-client.js';
import { SpendReply, spendArgs, type Verdict } from './redis-wire.js';
import type { ServerClock } from './server-clock.js';

/** A call on its way: what it asks, until when, and who waits for the answer. */
interface Pending {
  readonly charges: readonly Charge[];
  readonly keys: readonly string[];
  readonly takes: boolean;
  /** Monotonic, local. */
  readonly dueMs: number;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: BackendError) => void;
  timer: NodeJS.Timeout;
  isSettled: boolean;
  isSecondTry: boolean;
}

export interface LaneOptions {
  readonly timeoutMs: number;
  /** Calls a run at most. */
  readonly maxCalls: number;
  /** The clock of the server that is asked. */
  readonly clock: () => ServerClock;
  /** An instant that decides instead of the server's: for tests. */
  readonly instant: () => string;
  readonly send: (keys: readonly string[], args: readonly string[]) => Promise<unknown>;
  /** Gives back what was taken for a call that has been answered without it. */
  readonly giveBack: (receipt: Receipt) => void;
  readonly now: () => number;
}

/**
 * Sends calls of one place in runs of the script: a lone call at once; those that come in the same turn of the event
 * loop, or while a run is under way, together. Every call has an answer by its deadline.
 */
export class RedisLane {
  readonly #queue: Pending[] = [];
  #isBusy = false;
  #isScheduled = false;

  constructor(private readonly options: LaneOptions) {}

  submit(charges: readonly Charge[], keys: readonly string[], takes: boolean, dueMs: number): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, now } = this.options;
      const fail = () =>
        this.#fail(pending, new BackendError('TIMEOUT', `Redis did not answer within ${timeoutMs} ms`));
      const pending: Pending = {
        charges,
        keys,
        takes,
        dueMs,
        resolve,
        reject,
        // After a stall of this process timers come before the replies that lie in the socket: those are read first.
        timer: setTimeout(() => setImmediate(fail), Math.max(0, dueMs - now())),
        isSettled: false,
        isSecondTry: false,
      };
      this.#queue.push(pending);
      this.#next();
    });
  }

  /** Leaves nobody waiting. */
  close(): void {
    for (const pending of this.#queue.splice(0))
      this.#fail(pending, new BackendError('CONNECTION', 'The backend was closed'));
  }

  #next(): void {
    if (this.#isBusy || this.#isScheduled || this.#queue.length === 0) return;
    this.#flush();
    // Others of this turn wait for its end, and go together.
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #flush(): void {
    const { clock, now, timeoutMs } = this.options;
    this.#isBusy = true;
    const release = () => {
      clearTimeout(stuck);
      if (!isCurrent) return;
      isCurrent = false;
      this.#isBusy = false;
      this.#next();
    };
    let isCurrent = true;
    // A run that is never answered does not hold up those behind it.
    const stuck = setTimeout(release, timeoutMs).unref();
    void (clock().at(now()) === undefined ? this.#askTime() : this.#run()).then(release);
  }

  /** Asks for the server's time, which deadlines are told in; the calls stay in the queue meanwhile. */
  async #askTime(): Promise<void> {
    const { send, clock, now } = this.options;
    const waiting = this.#queue.splice(0).filter(({ isSettled }) => !isSettled);
    this.#queue.push(...waiting);
    const [first] = waiting;
    if (first === undefined) return;
    try {
      clock().note(new SpendReply(await send(first.keys.slice(0, 1), ['', '0'])).serverMs, now());
    } catch (error) {
      for (const pending of this.#queue.splice(0)) this.#fail(pending, backendErrorOf(error));
    }
  }

  async #run(): Promise<void> {
    const { send, clock, now, instant, maxCalls } = this.options;
    const calls = this.#queue.splice(0, maxCalls).filter(({ isSettled }) => !isSettled);
    if (calls.length === 0) return;
    const server = clock();
    const asked = calls.map(({ charges, takes, dueMs }) => ({
      charges,
      deadline: takes ? String(server.at(dueMs)) : 'peek',
    }));
    const keys = calls.flatMap((pending) => pending.keys);
    try {
      const reply = new SpendReply(await send(keys, spendArgs(instant(), asked)));
      server.note(reply.serverMs, now());
      for (const pending of calls) this.#answer(pending, reply.read(pending.charges, pending.takes));
    } catch (error) {
      for (const pending of calls) this.#fail(pending, backendErrorOf(error));
    }
  }

  #answer(pending: Pending, verdict: Verdict): void {
    if (pending.isSettled) {
      // Decided in time, and the answer came too late: the caller has another one.
      if (verdict.kind === 'decided' && verdict.outcome.receipt) this.options.giveBack(verdict.outcome.receipt);
      return;
    }
    if (verdict.kind === 'late' && !pending.isSecondTry) {
      // The clock was not what it seemed, and is known better now: once more, within the same deadline.
      pending.isSecondTry = true;
      this.#queue.push(pending);
      return;
    }
    pending.isSettled = true;
    clearTimeout(pending.timer);
    pending.resolve(verdict);
  }

  #fail(pending: Pending, error: BackendError): void {
    if (pending.isSettled) return;
    pending.isSettled = true;
    clearTimeout(pending.timer);
    pending.reject(error);
  }
}
