/** An item of a list, which has the references to its neighbours. It is on one list at most. */
export interface Linked<T> {
  previous?: T | undefined;
  next?: T | undefined;
}

/** A doubly linked list. Removal takes constant time and, unlike that of a Set, leaves nothing to collect. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Iterates in order. The list must not change during the iteration. */
  *[Symbol.iterator](): Iterator<T> {
    for (let item = this.#first; item !== undefined; item = item.next) yield item;
  }

  /** Appends an item that is on no list. */
  add(item: T): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
  }

  /** Removes an item. Returns false if it was not on the list. */
  remove(item: T): boolean {
    const { previous, next } = item;
    if (previous === undefined && this.#first !== item) return false;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.previous = undefined;
    item.next = undefined;
    return true;
  }
}
