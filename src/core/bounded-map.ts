/** A map with a maximum number of entries. Adding one to a full map removes the entry that was set the longest ago. */
export class BoundedMap<Key, Value> {
  /** Oldest first. */
  readonly #entries = new Map<Key, Value>();

  /** @param max the maximum number of entries, at least 1 */
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

  /** Iterates over the entries, oldest first. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]();
  }
}
