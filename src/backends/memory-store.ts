import type { Clock } from '../core/clock.js';
import { mapKey } from '../core/key.js';
import type { Policy } from '../core/policy.js';
import type { State } from '../strategies/strategy.js';
import type { BackendEvent } from './backend.js';

/** What is remembered of one subject under one policy. */
export interface Entry {
  state: State;
  /** The policy's shape when `state` was written. */
  shape: string;
  /** From then on the state says no more than an empty one: it may go. 0: it is in no map. */
  expiresAt: number;
}

/** Where a charge finds its entry, and where the entry goes when it is new. */
export interface Slot {
  readonly shelf: Shelf;
  readonly key: string;
  readonly entry: Entry;
}

/** What a call has claimed so far. */
type Held = readonly { readonly slot: Slot }[];

/** The entries of one policy. Many small maps, since a large one stalls the process whenever it grows or shrinks. */
interface Shelf {
  readonly policy: string;
  readonly maps: (Map<string, Entry> | undefined)[];
  readonly overflow: Entry;
  overflowing: boolean;
}

const MAPS = 64;
const SWEEP_EVERY_MS = 100;
const SWEEP_ENTRIES = 10_000;
/** Entries looked at to make room for one new key. */
const PROBES = 512;

/** The entries of all policies: bounded in number, and swept by one timer with bounded work a tick. */
export class MemoryStore {
  size = 0;
  readonly #shelves = new Map<string, Shelf>();
  #walk = this.#entries();
  #timer: NodeJS.Timeout | undefined;
  /** No entry expires before it: the least expiry seen in the last whole walk, and written since. */
  #soonest = 0;
  #soonestOfWalk = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly maxKeys: number,
    private readonly tell: (event: BackendEvent) => void,
  ) {}

  /**
   * The subject's entry; where there is none an empty one, or, when the store is full, the one that new subjects share.
   * `held`: what the call has claimed already, which may need room, too.
   */
  claim(policy: Policy, subject: string, now: number, held: Held): Slot {
    const shelf = this.#shelf(policy);
    const key = mapKey(subject);
    const entry = shelf.maps[mapOf(key)]?.get(key);
    if (entry !== undefined) return { shelf, key, entry };
    return { shelf, key, entry: this.#hasRoom(now, held) ? emptyEntry() : shelf.overflow };
  }

  find(policy: Policy, subject: string): Entry | undefined {
    const key = mapKey(subject);
    return this.#shelves.get(policy.id)?.maps[mapOf(key)]?.get(key);
  }

  write(slot: Slot, policy: Policy, state: State, expiresAt: number): void {
    const { shelf, key, entry } = slot;
    if (entry.state.length > 0 && entry.shape !== policy.shape) {
      this.tell({ type: 'started-afresh', policy: policy.name, was: entry.shape });
    }
    const isNew = isHomeless(slot);
    entry.state = state;
    entry.shape = policy.shape;
    entry.expiresAt = expiresAt;
    this.#soonest = Math.min(this.#soonest, expiresAt);
    this.#soonestOfWalk = Math.min(this.#soonestOfWalk, expiresAt);
    if (isNew) this.#insert(shelf, key, entry);
    else if (entry === shelf.overflow) this.#overflows(shelf);
  }

  remove(policy: Policy, subject: string): void {
    const key = mapKey(subject);
    if (this.#shelves.get(policy.id)?.maps[mapOf(key)]?.delete(key)) this.size--;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #shelf({ id, name }: Policy): Shelf {
    let shelf = this.#shelves.get(id);
    if (shelf === undefined) {
      shelf = { policy: name, maps: new Array(MAPS), overflow: emptyEntry(), overflowing: false };
      this.#shelves.set(id, shelf);
    }
    return shelf;
  }

  #insert(shelf: Shelf, key: string, entry: Entry): void {
    const index = mapOf(key);
    let map = shelf.maps[index];
    if (map === undefined) {
      map = new Map();
      shelf.maps[index] = map;
    }
    map.set(detached(key), entry);
    shelf.overflowing = false;
    this.size++;
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  #overflows(shelf: Shelf): void {
    if (shelf.overflowing) return;
    shelf.overflowing = true;
    this.tell({ type: 'overflow', policy: shelf.policy });
  }

  #sweep(): void {
    const now = this.clock.now();
    if (this.size === 0) this.close();
    // To the end of the walk at most: with a few entries a tick is short.
    for (let i = 0, walk = this.#walk; i < SWEEP_ENTRIES && walk === this.#walk; i++) this.#visit(now);
  }

  /** Whether one more fits beside the entries of this call that are in no map yet; expired ones make way. */
  #hasRoom(now: number, held: Held): boolean {
    while (this.size + held.length >= this.maxKeys) {
      const coming = new Set(held.filter(({ slot }) => isHomeless(slot)).map(({ slot }) => slot.entry));
      if (this.size + coming.size < this.maxKeys) return true;
      if (!this.#makeRoom(now)) return false;
    }
    return true;
  }

  /** Drops an expired entry, if there is one within reach. */
  #makeRoom(now: number): boolean {
    for (let i = 0; i < PROBES && now >= this.#soonest; i++) if (this.#visit(now)) return true;
    return false;
  }

  /** Looks at the next entry of the walk, and drops it if it has expired. */
  #visit(now: number): boolean {
    const { value, done } = this.#walk.next();
    if (done) {
      this.#soonest = this.#soonestOfWalk;
      this.#soonestOfWalk = Number.POSITIVE_INFINITY;
      this.#walk = this.#entries();
      return false;
    }
    const [map, key, entry] = value;
    if (now < entry.expiresAt) {
      this.#soonestOfWalk = Math.min(this.#soonestOfWalk, entry.expiresAt);
      return false;
    }
    map.delete(key);
    this.size--;
    // A charge of the same call may hold it already: writing it then puts it back.
    entry.expiresAt = 0;
    return true;
  }

  /** All entries, once each. The maps may change meanwhile: their iterators are live. */
  *#entries(): Generator<readonly [Map<string, Entry>, string, Entry], undefined> {
    for (const { maps } of this.#shelves.values()) {
      for (const map of maps) {
        if (map !== undefined) for (const [key, entry] of map) yield [map, key, entry];
      }
    }
  }
}

/** Whether the entry is in no map: new, or dropped since it was claimed. */
function isHomeless({ shelf, entry }: Slot): boolean {
  return entry.expiresAt === 0 && entry !== shelf.overflow;
}

function emptyEntry(): Entry {
  return { state: [], shape: '', expiresAt: 0 };
}

/** Which of the maps: by characters that differ between the subjects of one kind. */
function mapOf(key: string): number {
  const last = key.length - 1;
  const mixed = key.charCodeAt(last) * 31 + key.charCodeAt(last - 1) * 17 + key.charCodeAt(last >> 1) * 7;
  return mixed % MAPS || 0;
}

/** A copy that holds on to no longer text: a short slice of a long header or URL keeps all of that in memory. */
function detached(key: string): string {
  return key.isWellFormed() ? Buffer.from(key).toString() : key;
}
