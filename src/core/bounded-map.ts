/** A map with at most so many entries: an entry beyond the bound drops the one that was set the longest ago. */
export class BoundedMap<Key, Value> {
  /** The longest ago first. */
  readonly #entries = new Map<Key, Value>();

  /** @param max entries at most, at least 1 */
  constructor(private readonly max: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.max) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  /** Iterates over the entries, the longest ago first. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]();
  }
}
