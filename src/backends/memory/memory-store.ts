import type { Clock } from '../../core/clock.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { State, Strategy } from '../../strategies/strategy.js';
import type { BackendEvent } from '../backend-events.js';
import { SubjectTable } from './subject-table.js';

/** Where a charge is counted: under its subject, or, when the store is full and the subject new, with all such. */
export interface Slot {
  readonly shelf: SubjectTable;
  readonly key: string;
  readonly isShared: boolean;
}

/** What a call has claimed so far. */
type Held = readonly { readonly slot: Slot }[];

const SWEEP_EVERY_MS = 100;
const SWEEP_CELLS = 10_000;
/** Cells looked at to make room for one new key. */
const PROBES = 512;
/** Policies whose shelves are known without a look-up by text: rates that functions answer with come and go. */
const MAX_POLICIES = 1000;

/** The states of all subjects: bounded in number, and swept by one timer with bounded work a tick. */
export class MemoryStore {
  size = 0;
  /** By budget, one for each shape that it was written under. */
  readonly #shelves = new Map<string, SubjectTable[]>();
  readonly #byPolicy = new Map<Policy, SubjectTable>();
  #latest: { readonly policy: Policy; readonly shelf: SubjectTable } | undefined;
  #walk = this.#cells();
  #timer: NodeJS.Timeout | undefined;
  /** None expires before it: the least expiry seen in the last whole walk, and written since. */
  #soonest = 0;
  #soonestOfWalk = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly maxKeys: number,
    private readonly strategyOf: (policy: Policy) => Strategy,
    private readonly tell: (event: BackendEvent) => void,
  ) {}

  shelfOf(policy: Policy): SubjectTable {
    // Most calls are under the policy of the one before.
    if (this.#latest?.policy !== policy)
      this.#latest = { policy, shelf: this.#byPolicy.get(policy) ?? this.#find(policy) };
    return this.#latest.shelf;
  }

  /** `held`: what the call has claimed already, which may need room, too. */
  claim(policy: Policy, subject: string, now: number, held: Held): Slot {
    const shelf = this.shelfOf(policy);
    const key = mapKey(subject);
    return { shelf, key, isShared: shelf.find(key) === undefined && !this.#hasRoom(now, held) };
  }

  read({ shelf, key, isShared }: Slot): State {
    if (isShared) return shelf.overflow;
    const cell = shelf.find(key);
    return cell === undefined ? [] : shelf.cells.read(cell);
  }

  write({ shelf, key, isShared }: Slot, state: State, expiresAt: number): void {
    if (isShared) {
      shelf.overflow = state;
      this.#overflows(shelf);
      return;
    }
    this.noteExpiry(expiresAt);
    const cell = shelf.find(key);
    if (cell === undefined) this.#insert(shelf, key, state, expiresAt);
    else shelf.cells.write(cell, state, expiresAt);
  }

  /** To be told of each expiry that is written. */
  noteExpiry(expiresAt: number): void {
    if (expiresAt < this.#soonest) this.#soonest = expiresAt;
    if (expiresAt < this.#soonestOfWalk) this.#soonestOfWalk = expiresAt;
  }

  remove({ id }: Policy, subject: string): void {
    const key = mapKey(subject);
    for (const shelf of this.#shelves.get(id) ?? []) if (shelf.remove(key)) this.size--;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #find(policy: Policy): SubjectTable {
    const shelves = this.#shelves.get(policy.id) ?? [];
    let shelf = shelves.find((one) => one.policy.shape === policy.shape);
    if (shelf === undefined) {
      shelf = new SubjectTable(policy, this.strategyOf(policy));
      this.#shelves.set(policy.id, [...shelves, shelf]);
    }
    if (this.#byPolicy.size >= MAX_POLICIES) this.#byPolicy.clear();
    this.#byPolicy.set(policy, shelf);
    return shelf;
  }

  #insert(shelf: SubjectTable, key: string, state: State, expiresAt: number): void {
    const { policy } = shelf;
    for (const other of this.#shelves.get(policy.id) ?? []) {
      if (other === shelf || !other.remove(key)) continue;
      this.size--;
      this.tell({ type: 'started-afresh', policy: policy.name, was: other.policy.shape });
    }
    if (shelf.add(key, state, expiresAt)) this.#walkAnew();
    shelf.isOverflowing = false;
    this.size++;
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  #overflows(shelf: SubjectTable): void {
    if (shelf.isOverflowing) return;
    shelf.isOverflowing = true;
    this.tell({ type: 'overflow', policy: shelf.policy.name });
  }

  #sweep(): void {
    const now = this.clock.now();
    if (this.size === 0) this.close();
    // To the end of the walk at most: with a few entries a tick is short.
    for (let i = 0, walk = this.#walk; i < SWEEP_CELLS && walk === this.#walk; i++) this.#visit(now);
  }

  /** Whether one more fits beside what this call will put in; expired ones make way. */
  #hasRoom(now: number, held: Held): boolean {
    while (this.size + held.length >= this.maxKeys) {
      const coming = new Set(held.map(({ slot }) => slot).filter(isComing));
      if (this.size + coming.size < this.maxKeys) return true;
      if (!this.#makeRoom(now)) return false;
    }
    return true;
  }

  /** Drops an expired subject, if there is one within reach. */
  #makeRoom(now: number): boolean {
    for (let i = 0; i < PROBES && now >= this.#soonest; i++) if (this.#visit(now)) return true;
    return false;
  }

  /** Looks at the next cell of the walk, and drops it if it has expired. */
  #visit(now: number): boolean {
    const { value, done } = this.#walk.next();
    if (done) {
      this.#soonest = this.#soonestOfWalk;
      this.#walkAnew();
      return false;
    }
    const [shelf, key, cell] = value;
    const expiresAt = shelf.cells.expiresAt(cell);
    // Where a strategy tells no number it is kept: what is forgotten is not limited.
    if (!(now >= expiresAt)) {
      if (expiresAt < this.#soonestOfWalk) this.#soonestOfWalk = expiresAt;
      return false;
    }
    shelf.remove(key);
    this.size--;
    return true;
  }

  #walkAnew(): void {
    this.#soonestOfWalk = Number.POSITIVE_INFINITY;
    this.#walk = this.#cells();
  }

  /** All cells, once each. The maps may change meanwhile: their iterators are live. */
  *#cells(): Generator<readonly [SubjectTable, string, number], undefined> {
    for (const shelves of this.#shelves.values()) {
      for (const shelf of shelves) {
        for (const map of shelf.maps) for (const [key, cell] of map) yield [shelf, key, cell];
      }
    }
  }
}

function isComing({ shelf, key, isShared }: Slot): boolean {
  return !isShared && shelf.find(key) === undefined;
}
