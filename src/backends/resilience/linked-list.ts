/** What can be on one list, whose neighbours it knows. */
export interface Linked<T> {
  previous?: T | undefined;
  next?: T | undefined;
}

/** A list that anything leaves at once, from wherever it stands: unlike a set's, its upkeep leaves nothing to collect. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** In order; the list must not change meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let one = this.#first; one !== undefined; one = one.next) yield one;
  }

  /** Puts one that is on no list at the end. */
  add(one: T): void {
    one.previous = this.#last;
    one.next = undefined;
    if (this.#last === undefined) this.#first = one;
    else this.#last.next = one;
    this.#last = one;
  }

  /** Whether it was on the list. */
  remove(one: T): boolean {
    const { previous, next } = one;
    if (previous === undefined && this.#first !== one) return false;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    one.previous = undefined;
    one.next = undefined;
    return true;
  }
}
