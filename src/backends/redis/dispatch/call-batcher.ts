import type { Charge, Outcome, Receipt } from '../../../core/decision.js';
import { BackendError } from '../../backend-error.js';
import type { DeadlineQueue } from '../../resilience/deadline-queue.js';
import { backendErrorOf } from '../clients/redis-client.js';
import type { CallVerdict } from '../scripts/lease-codec.js';
import { type BatchedCall, SpendRequest } from '../scripts/spend-codec.js';
import { QueuedCall } from './queued-call.js';
import type { ServerClock } from './server-clock.js';

export interface CallBatcherOptions {
  readonly timeoutMs: number;
  /** Calls a run at most. */
  readonly maxCalls: number;
  /** Fails the calls whose time is over. */
  readonly deadlines: DeadlineQueue;
  /** The clock of the server that is asked. */
  readonly clock: () => ServerClock;
  /** An instant that decides instead of the server's: for tests. */
  readonly instant: () => string;
  readonly send: (keys: readonly string[], args: readonly string[]) => Promise<unknown>;
  /** What a verdict comes to; throws where it is an error. */
  readonly outcomeOf: (verdict: CallVerdict, charges: readonly Charge[]) => Outcome;
  /** Gives back what was taken for a call that has been answered without it. */
  readonly giveBack: (receipt: Receipt) => void;
  readonly now: () => number;
}

/** So many are worth a run of their own beside another one. */
const MIN_SECOND_BATCH = 8;

/**
 * Sends calls of one place in runs of the script: a lone call at once; those that come in the same turn of the event
 * loop, or while a run is under way, together. Where they are many, half of them are under way while the server's answers
 * to the others are read. Every call has an answer by its deadline.
 */
export class CallBatcher {
  readonly #queue: QueuedCall[] = [];
  /** Runs, and the calls in them. */
  #underWay = 0;
  #asked = 0;
  #isCollecting = false;

  constructor(private readonly options: CallBatcherOptions) {}

  submit(charges: readonly Charge[], keys: readonly string[], takes: boolean, dueMs: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const pending = new QueuedCall(charges, keys, takes, dueMs, resolve, reject);
      this.options.deadlines.add(pending, dueMs);
      this.#queue.push(pending);
      this.#next();
    });
  }

  /** Leaves nobody waiting. */
  close(): void {
    for (const pending of this.#queue.splice(0))
      this.#fail(pending, new BackendError('CONNECTION', 'The backend was closed'));
  }

  #next(isTurnOver = false): void {
    while (this.#mayGo(isTurnOver)) this.#flush();
    if (!isTurnOver && this.#underWay === 1 && this.#queue.length >= MIN_SECOND_BATCH) this.#collect();
  }

  #mayGo(isTurnOver: boolean): boolean {
    const { length } = this.#queue;
    if (length === 0 || this.#underWay > 1) return false;
    if (this.#underWay === 0) return !this.#isCollecting;
    if (this.#asked === 0) return false; // the time is asked for
    // Beside another run: when none can join it any more.
    return length >= this.options.maxCalls || (isTurnOver && length >= this.#half());
  }

  /** Half of all that wait: so many go while none is under way, and are waited for until a run goes beside another. */
  #half(): number {
    const half = Math.floor((this.#queue.length + this.#asked) / 2);
    return Math.min(this.options.maxCalls, Math.max(MIN_SECOND_BATCH, half));
  }

  #flush(): void {
    const { clock, now, timeoutMs, deadlines, maxCalls } = this.options;
    const size = this.#underWay === 0 ? this.#half() : maxCalls;
    this.#underWay += 1;
    const isTimeKnown = clock().at(now()) !== undefined;
    const calls = isTimeKnown ? this.#queue.splice(0, size).filter(({ isSettled }) => !isSettled) : [];
    this.#asked += calls.length;
    let isOver = false;
    const release = () => {
      if (isOver) return;
      isOver = true;
      deadlines.remove(run);
      this.#underWay -= 1;
      this.#asked -= calls.length;
      if (calls.length > 1) this.#collect();
      this.#next();
    };
    // A run that is never answered does not hold up those behind it.
    const run = { fail: release };
    deadlines.add(run, now() + timeoutMs);
    void (isTimeKnown ? this.#run(calls) : this.#askTime()).then(release);
  }

  /** Who was answered together asks again together, and who comes together goes together: in the rest of this turn. */
  #collect(): void {
    if (this.#isCollecting) return;
    this.#isCollecting = true;
    setImmediate(() => {
      this.#isCollecting = false;
      this.#next(true);
    });
  }

  /** Asks for the server's time, which deadlines are told in; the calls stay in the queue meanwhile. */
  async #askTime(): Promise<void> {
    const { send, clock, now } = this.options;
    const waiting = this.#queue.splice(0).filter(({ isSettled }) => !isSettled);
    this.#queue.push(...waiting);
    const [first] = waiting;
    if (first === undefined) return;
    try {
      const run = new SpendRequest('', []);
      clock().note(run.read(await send(first.keys.slice(0, 1), run.args)).serverMs, now());
    } catch (error) {
      for (const pending of this.#queue.splice(0)) this.#fail(pending, backendErrorOf(error));
    }
  }

  async #run(calls: readonly QueuedCall[]): Promise<void> {
    if (calls.length === 0) return;
    const { send, clock, now, instant } = this.options;
    const server = clock();
    const keys: string[] = [];
    const asked: BatchedCall[] = [];
    for (const { charges, keys: of, takes, dueMs } of calls) {
      for (const key of of) keys.push(key);
      asked.push({ charges, takes, deadlineMs: server.at(dueMs) ?? 0 });
    }
    const run = new SpendRequest(instant(), asked);
    try {
      const reply = run.read(await send(keys, run.args));
      server.note(reply.serverMs, now());
      for (const pending of calls) this.#answer(pending, reply.read(pending));
    } catch (error) {
      for (const pending of calls) this.#fail(pending, backendErrorOf(error));
    }
  }

  #answer(pending: QueuedCall, verdict: CallVerdict): void {
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
    this.options.deadlines.remove(pending);
    try {
      pending.answer(this.options.outcomeOf(verdict, pending.charges));
    } catch (error) {
      pending.fail(error);
    }
  }

  #fail(pending: QueuedCall, error: BackendError): void {
    if (pending.isSettled) return;
    this.options.deadlines.remove(pending);
    pending.fail(error);
  }
}
