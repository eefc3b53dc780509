import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../../core/clock.js';
import type { Emitter } from '../../core/emitter.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import { RECORD_SIZE } from '../../strategies/blocks/block-record.js';
import type { State, Strategy } from '../../strategies/strategy.js';
import { unknownStrategy } from '../backend.js';
import type { BackendEvent } from '../backend-events.js';
import { OverriddenPolicy } from '../overrides/overridden-policy.js';
import { BlockedSubjects } from './blocks/blocked-subjects.js';
import { type KeyShare, KeyShares } from './key-shares.js';
import { SubjectTable } from './subject-table.js';

/** The location of a charge's state. */
export interface StateLocation {
  readonly table: SubjectTable;
  /** The subject's map key in the table. */
  readonly key: string;
  /** True for a new subject while the store is full: all such subjects of a table share one state. */
  readonly isShared: boolean;
}

const SWEEP_INTERVAL_MS = 100;
const STATES_PER_TICK = 10_000;
/** The maximum number of states that are visited to make room for a new subject. */
const MAX_PROBES = 512;
/** Policies whose tables are found without their id. Rate functions make policies that are used only for a while. */
const MAX_POLICIES = 1000;

/** The number of charges of a call whose tables are remembered. */
const MAX_POSITIONS = 8;

/**
 * The states of all subjects: bounded in number, and swept by one timer with bounded work per tick. The sweep also
 * drops the tables of budgets that are over: rates from functions, and policies that are made while the application
 * runs, would leave them behind.
 */
export class MemoryStore {
  readonly blocked = new BlockedSubjects();
  readonly #shares: KeyShares;
  /** The table of each budget by the policy's id. */
  readonly #tables = new Map<string, SubjectTable>();
  /** The tables of overrides of other periods, by the id of the policy that they override. */
  readonly #besides = new Map<string, SubjectTable[]>();
  readonly #tableByPolicy = new Map<Policy, SubjectTable>();
  /** The policies of the latest call by their position in it, and their tables. */
  readonly #latestPolicies = new Array<Policy | undefined>(MAX_POSITIONS).fill(undefined);
  readonly #latestTables = new Array<SubjectTable | undefined>(MAX_POSITIONS).fill(undefined);
  #sweep = this.#allStates();
  #timer: NodeJS.Timeout | undefined;
  /** Lower bound of all expiries: the earliest seen in the last full sweep or written since. */
  #earliestExpiry = 0;
  #earliestOfSweep = Number.POSITIVE_INFINITY;
  /**
   * Outside of any request: a timer keeps what AsyncLocalStorage holds where it was started, for as long as it runs.
   */
  readonly #startTimer = AsyncResource.bind(() => setInterval(() => this.#sweepSome(), SWEEP_INTERVAL_MS).unref());

  constructor(
    private readonly clock: Clock,
    maxKeys: number,
    private readonly strategies: ReadonlyMap<string, Strategy>,
    private readonly events: Emitter<BackendEvent>,
  ) {
    this.#shares = new KeyShares(maxKeys);
  }

  /** The number of subjects, over all policies. */
  get size(): number {
    return this.#shares.size;
  }

  /** The number of budgets that there are tables of. */
  get tableCount(): number {
    return this.#tables.size;
  }

  /** Reserves room for the subjects of these policies. */
  announce(policies: readonly Policy[]): void {
    this.#shares.announce(policies.map(shareIdOf));
    for (const table of this.#tables.values()) {
      const share = this.#shares.of(shareIdOf(table.policy));
      for (let i = 0; i < table.size && share !== table.share; i++) {
        this.#shares.remove(table.share);
        this.#shares.add(share);
      }
      table.share = share;
    }
  }

  /**
   * Returns the table of a policy. Most calls have the policies of an earlier call at the same positions: without a
   * look-up in a map, a call of eight policies takes 13 % less.
   *
   * @param position of the charge in its call
   */
  tableOf(policy: Policy, position = 0): SubjectTable {
    if (position >= MAX_POSITIONS) return this.#tableByPolicy.get(policy) ?? this.#findTable(policy);
    const latest = this.#latestTables[position];
    if (latest !== undefined && this.#latestPolicies[position] === policy) return latest;
    const table = this.#tableByPolicy.get(policy) ?? this.#findTable(policy);
    this.#latestPolicies[position] = policy;
    this.#latestTables[position] = table;
    return table;
  }

  /** Returns the table of the block records of a policy's subjects. An override does not change it. */
  blocksOf(policy: Policy): SubjectTable {
    const id = blocksIdOf(policy);
    let table = this.#tables.get(id);
    if (table === undefined) {
      table = new SubjectTable(policy, this.#strategyOf(policy), this.#shares.of(shareIdOf(policy)), RECORD_SIZE);
      this.#tables.set(id, table);
    }
    return table;
  }

  /** Removes the block record of a subject. */
  removeBlock(policy: Policy, subject: string): void {
    const table = this.#tables.get(blocksIdOf(policy));
    if (table !== undefined) this.#drop(table, mapKey(subject));
  }

  /**
   * Returns true if one more subject of a table fits beside the new subjects of this call. Drops expired subjects if it
   * has to.
   */
  hasRoom({ share }: SubjectTable, now: number, others: readonly StateLocation[]): boolean {
    if (this.#shares.hasPlenty(share, others.length)) return true;
    let visits = MAX_PROBES;
    // Dropped subjects may be those of the call.
    while (!this.#shares.hasRoom(share, sharesOfNew(others))) {
      do {
        if (visits-- === 0 || now < this.#earliestExpiry) return false;
      } while (!this.#visitNext(now));
    }
    return true;
  }

  /**
   * Returns true if one more subject of a table surely fits beside a number of other new ones. False: `hasRoom` has to
   * look.
   */
  hasPlenty({ share }: SubjectTable, others: number): boolean {
    return this.#shares.hasPlenty(share, others);
  }

  read(table: SubjectTable, key: string, isShared: boolean): State {
    if (isShared) return table.overflow;
    const index = table.find(key);
    return index === undefined ? [] : table.states.read(index);
  }

  write({ table, key, isShared }: StateLocation, state: State, expiresAt: number): void {
    if (isShared) {
      table.overflow = state;
      table.overflowExpiresAt = expiresAt;
      this.#reportOverflow(table);
      return;
    }
    const index = table.find(key);
    if (index !== undefined) {
      this.writeAt(table, index, state, expiresAt);
      return;
    }
    this.insert(table, key, state, expiresAt);
  }

  /** Writes the state of a new subject, which there has to be room for. */
  insert(table: SubjectTable, key: string, state: State, expiresAt: number): void {
    this.#noteExpiry(expiresAt);
    for (const other of table.alternatives) if (other !== table) this.#drop(other, key);
    if (table.add(key, state, expiresAt)) this.#restartSweep();
    table.isOverflowing = false;
    this.#shares.add(table.share);
    this.#timer ??= this.#startTimer();
  }

  /** Writes the state of a known subject. `changed`: number of leading values that may differ from the stored state. */
  writeAt(table: SubjectTable, index: number, state: State, expiresAt: number, changed?: number): void {
    table.states.write(index, state, expiresAt, changed);
    this.#noteExpiry(expiresAt);
  }

  /** Removes a subject's state, its state under an override of another period, and its block record. */
  remove(policy: Policy, subject: string): void {
    this.removeState(policy, subject);
    if (policy.block !== undefined) this.removeBlock(policy, subject);
  }

  /** Removes a subject's state, and its state under an override of another period. */
  removeState({ id }: Policy, subject: string): void {
    const key = mapKey(subject);
    const table = this.#tables.get(id);
    if (table !== undefined) this.#drop(table, key);
    for (const beside of this.#besides.get(id) ?? []) this.#drop(beside, key);
  }

  /**
   * Returns true if the budget of an override was started anew with another period, so that this table counts no
   * longer.
   */
  isSuperseded(table: SubjectTable, key: string): boolean {
    return table.alternatives.some((other) => other !== table && other.find(key) !== undefined);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #findTable(policy: Policy): SubjectTable {
    let table = this.#tables.get(policy.id);
    if (table === undefined) {
      table = new SubjectTable(policy, this.#strategyOf(policy), this.#shares.of(shareIdOf(policy)));
      this.#tables.set(policy.id, table);
      // Reads leave tables behind, too; a few of them are not worth a timer.
      if (this.#tables.size > MAX_POLICIES) this.#timer ??= this.#startTimer();
      if (policy instanceof OverriddenPolicy && policy.besideId !== undefined) this.#addBeside(policy.besideId, table);
    }
    if (this.#tableByPolicy.size >= MAX_POLICIES) this.#tableByPolicy.clear();
    this.#tableByPolicy.set(policy, table);
    return table;
  }

  #addBeside(id: string, table: SubjectTable): void {
    table.alternatives = this.#besides.get(id) ?? [];
    table.alternatives.push(table);
    this.#besides.set(id, table.alternatives);
  }

  #strategyOf(policy: Policy): Strategy {
    const found = this.strategies.get(policy.strategy);
    if (found === undefined) throw unknownStrategy(policy);
    return found;
  }

  #drop(table: SubjectTable, key: string): void {
    if (table.remove(key)) this.#shares.remove(table.share);
  }

  #reportOverflow(table: SubjectTable): void {
    if (table.isOverflowing) return;
    table.isOverflowing = true;
    this.events.emit({ type: 'overflow', policy: table.policy.name });
  }

  #noteExpiry(expiresAt: number): void {
    if (expiresAt < this.#earliestExpiry) this.#earliestExpiry = expiresAt;
    if (expiresAt < this.#earliestOfSweep) this.#earliestOfSweep = expiresAt;
  }

  #sweepSome(): void {
    const now = this.clock.now();
    // Stops at the end of the sweep, so that a tick is short if there are few states.
    const sweep = this.#sweep;
    for (let i = 0; i < STATES_PER_TICK && sweep === this.#sweep; i++) this.#visitNext(now);
    if (sweep === this.#sweep) return;
    this.#dropTables(now);
    if (this.#tables.size === 0) this.close();
  }

  /**
   * Drops tables that hold nothing. Only between calls: a call that is being decided may have found its table already.
   */
  #dropTables(now: number): void {
    for (const [id, table] of this.#tables) {
      if (!table.isOver(now)) continue;
      this.#tables.delete(id);
      this.#tableByPolicy.delete(table.policy);
      for (let i = 0; i < MAX_POSITIONS; i++) if (this.#latestTables[i] === table) this.#latestTables[i] = undefined;
      this.#dropBeside(table);
    }
    // Other objects of a policy lead to its table, too.
    for (const [policy, table] of this.#tableByPolicy)
      if (this.#tables.get(policy.id) !== table) this.#tableByPolicy.delete(policy);
  }

  #dropBeside({ policy, alternatives }: SubjectTable): void {
    if (!(policy instanceof OverriddenPolicy) || policy.besideId === undefined) return;
    const at = alternatives.findIndex((table) => table.policy === policy);
    // A table of blocks is beside no other.
    if (at < 0) return;
    alternatives.splice(at, 1);
    if (alternatives.length === 0) this.#besides.delete(policy.besideId);
  }

  /** Visits the next state of the sweep. Drops it and returns true if it has expired. */
  #visitNext(now: number): boolean {
    const { value, done } = this.#sweep.next();
    if (done) {
      this.#earliestExpiry = this.#earliestOfSweep;
      this.#restartSweep();
      return false;
    }
    const [table, key, index] = value;
    const expiresAt = table.states.expiresAt(index);
    // Keeps a state whose expiry is NaN: a dropped state would not limit.
    if (!(now >= expiresAt)) {
      if (expiresAt < this.#earliestOfSweep) this.#earliestOfSweep = expiresAt;
      return false;
    }
    this.#drop(table, key);
    return true;
  }

  #restartSweep(): void {
    this.#earliestOfSweep = Number.POSITIVE_INFINITY;
    this.#sweep = this.#allStates();
  }

  /** Yields every state once. The maps may change in between: their iterators are live. */
  *#allStates(): Generator<readonly [table: SubjectTable, key: string, index: number], undefined> {
    for (const table of this.#tables.values()) {
      for (const map of table.maps) for (const [key, index] of map) yield [table, key, index];
    }
  }
}

/**
 * Returns the id of the policy whose share of the keys a policy has: an override has that of the policy that it
 * overrides.
 */
function shareIdOf(policy: Policy): string {
  return (policy instanceof OverriddenPolicy ? policy.besideId : undefined) ?? policy.id;
}

/** The id of the table of blocks of a policy. No id of a policy ends so. */
function blocksIdOf(policy: Policy): string {
  return `${shareIdOf(policy)}!b`;
}

/** The shares of the subjects that writing to these locations adds to the store. */
function sharesOfNew(locations: readonly StateLocation[]): readonly KeyShare[] {
  const isNew = ({ table, key, isShared }: StateLocation) => !isShared && table.find(key) === undefined;
  const isFirst = (one: StateLocation, i: number) =>
    locations.findIndex(({ table, key }) => table === one.table && key === one.key) === i;
  return locations.flatMap((location, i) => (isFirst(location, i) && isNew(location) ? [location.table.share] : []));
}
