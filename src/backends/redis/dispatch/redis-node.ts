import { type Clock, systemClock } from '../../../core/clock.js';
import type { Charge, Outcome, Receipt } from '../../../core/decision.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import { keyOf, keyPart } from '../../../core/key.js';
import type { Policy } from '../../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../strategies/built-in-strategies.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { Target } from '../../backend.js';
import { BackendError } from '../../backend-error.js';
import { DeadlineQueue } from '../../resilience/deadline-queue.js';
import { orReturnLate, withDeadline } from '../../resilience/with-deadline.js';
import { backendErrorOf, type RedisClient } from '../clients/redis-client.js';
import { slotOf } from '../redis-keys.js';
import { type RedisBackendOptions, TIMEOUT_MS } from '../redis-options.js';
import { type CallVerdict, decodeLeaseReply, type LeaseReply, policyArgs } from '../scripts/lease-codec.js';
import { buildScripts } from '../scripts/redis-script.js';
import { CallBatcher } from './call-batcher.js';
import { ServerClock } from './server-clock.js';

const MAX_CALLS = 128;
/** Nobody waits for what is given back after a late answer, and where one answer was late the next may be, too. */
const LATE_RETURN_TIMEOUTS = 10;
/** What lua/settle.lua answers when it is done. */
const STATUS_DONE = 1;
/** Where all keys are, unless slots matter. */
const ANY_SLOT = -1;

/** The way to Redis: knows where keys are, keeps deadlines, and sends scripts. */
export class RedisNode {
  readonly timeoutMs: number;
  readonly #prefix: string;
  /** Whether keys may be in several places. */
  readonly isSplit: boolean;
  readonly #batch: boolean;
  readonly #clock: Clock | undefined;
  readonly #deadlines: DeadlineQueue;
  readonly #lanes = new Map<number, CallBatcher>();
  /** By master. */
  readonly #servers = new Map<string, ServerClock>();
  /** Of policies, as they are in keys. */
  readonly #ids = new WeakMap<Policy, string>();
  /** Strategies of the user's own. */
  readonly #own = new Map<string, Strategy>();
  readonly #known = new Set(BUILT_IN_STRATEGIES.map(({ name }) => name));
  #scripts = buildScripts([]);

  constructor(
    private readonly client: RedisClient,
    { prefix = 'sluice', timeoutMs = TIMEOUT_MS, batch = true, clock }: RedisBackendOptions,
    private readonly outcomeOf: (verdict: CallVerdict, charges: readonly Charge[]) => Outcome,
  ) {
    this.timeoutMs = timeoutMs;
    this.#deadlines = new DeadlineQueue(timeoutMs, 'Redis');
    this.#prefix = prefix;
    this.#batch = batch;
    this.isSplit = client.isCluster === true || !batch;
    this.#clock = clock;
  }

  use(strategies: readonly Strategy[]): void {
    for (const strategy of strategies) {
      if ((this.#own.get(strategy.name) ?? strategy) !== strategy) {
        throw new ThrottleConfigError(
          `RedisBackend: there is a strategy "${strategy.name}" already. Give yours another name.`,
        );
      }
      this.#own.set(strategy.name, strategy);
      this.#known.add(strategy.name);
    }
    this.#scripts = buildScripts([...this.#own.values()]);
  }

  /** Whether the scripts have a strategy: without it a run fails, and the calls of others with it. */
  knows({ strategy }: Policy): boolean {
    return this.#known.has(strategy);
  }

  keyOf({ policy, subject }: Target): string {
    let id = this.#ids.get(policy);
    if (id === undefined) {
      id = keyPart(policy.id);
      this.#ids.set(policy, id);
    }
    return keyOf(this.#prefix, subject, id);
  }

  /** Keys of one place can be asked for in one run. */
  placeOf(key: string): number {
    return this.isSplit ? slotOf(key) : ANY_SLOT;
  }

  /** The deadline of a call that begins now. */
  due(): number {
    return systemClock.now() + this.timeoutMs;
  }

  decide(charges: readonly Charge[], takes: boolean, dueMs: number): Promise<Outcome> {
    const keys = charges.map((charge) => this.keyOf(charge));
    return this.#lane(this.placeOf(keys[0] ?? '')).submit(charges, keys, takes, dueMs);
  }

  /** Charges of one place, taken at `at`: each becomes one of the cost of the same index. */
  async settle(charges: readonly Charge[], costs: readonly number[], at: number, dueMs: number): Promise<void> {
    const keys = charges.map((charge) => this.keyOf(charge));
    const args = charges.flatMap(({ policy, cost }, i) => [...policyArgs(policy), `${cost}`, `${costs[i] ?? cost}`]);
    const place = this.placeOf(keys[0] ?? '');
    // What was refused as late tells the server's time, and is sent once more.
    for (let tries = 0; tries < 2; tries++) {
      const deadline = this.#server(place).at(dueMs) ?? 0;
      const run = this.#scripts.settle.run(this.client, keys, [this.#instant(), `${deadline}`, `${at}`, ...args]);
      const [serverMs, status] = (await this.inTime(run, dueMs)) as readonly unknown[];
      this.#server(place).note(Number(serverMs), systemClock.now());
      if (Number(status) === STATUS_DONE) return;
    }
    throw new BackendError('LATE', 'Redis was asked too late to give back');
  }

  /** Takes up to `wanted` units. Two tries, as for `settle`. */
  async lease(target: Target, wanted: number, dueMs: number): Promise<LeaseReply> {
    const { policy, subject } = target;
    const keys = [this.keyOf(target)];
    const server = this.#server(this.placeOf(keys[0] ?? ''));
    let leased: LeaseReply = { kind: 'late' };
    for (let tries = 0; tries < 2 && leased.kind === 'late'; tries++) {
      const args = [this.#instant(), `${server.at(dueMs) ?? 0}`, ...policyArgs(policy), `${wanted}`];
      const run = this.#scripts.lease.run(this.client, keys, args).then((reply) => {
        const read = decodeLeaseReply(reply);
        server.note(read.serverMs, systemClock.now());
        return read.leased;
      });
      leased = await orReturnLate(
        run,
        (reply) => this.inTime(reply, dueMs),
        (late) => {
          if (late.kind !== 'decided' || late.grant.granted === 0) return;
          this.#giveBack({ at: late.grant.at, charges: [{ policy, subject, cost: late.grant.granted }] });
        },
      );
    }
    return leased;
  }

  async drop(keys: readonly string[], dueMs: number): Promise<void> {
    if (keys.length > 0) await this.inTime(this.client.del(...keys), dueMs);
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
  }

  #lane(place: number): CallBatcher {
    const known = this.#batch ? this.#lanes.get(place) : undefined;
    if (known !== undefined) return known;
    const lane = new CallBatcher({
      timeoutMs: this.timeoutMs,
      maxCalls: MAX_CALLS,
      deadlines: this.#deadlines,
      clock: () => this.#server(place),
      instant: () => this.#instant(),
      send: (keys, args) => this.#scripts.spend.run(this.client, keys, args),
      outcomeOf: this.outcomeOf,
      giveBack: (receipt) => this.#giveBack(receipt),
      now: () => systemClock.now(),
    });
    if (this.#batch) this.#lanes.set(place, lane);
    return lane;
  }

  #server(place: number): ServerClock {
    const master = this.client.slots?.[place]?.[0] ?? '';
    let clock = this.#servers.get(master);
    if (clock === undefined) {
      clock = new ServerClock(this.timeoutMs);
      this.#servers.set(master, clock);
    }
    return clock;
  }

  #instant(): string {
    return this.#clock === undefined ? '' : String(this.#clock.now());
  }

  #giveBack({ charges, at }: Receipt): void {
    const dueMs = systemClock.now() + LATE_RETURN_TIMEOUTS * this.timeoutMs;
    const nothing = charges.map(() => 0);
    // Where it fails, the charge stays: it is one at most in any case.
    this.settle(charges, nothing, at, dueMs).catch(() => undefined);
  }

  /** A race of our own: a client's time-outs do not cover its queues. */
  async inTime<T>(reply: Promise<T>, dueMs: number): Promise<T> {
    try {
      const late = () => new BackendError('TIMEOUT', `Redis did not answer within ${this.timeoutMs} ms`);
      return await withDeadline(reply, dueMs, late);
    } catch (error) {
      throw backendErrorOf(error);
    }
  }
}
