/** A part of the keys that a store may hold: the part of one policy, or the one that all later policies share. */
export class KeyShare {
  /** Keys in use. */
  size = 0;
  /** Keys that no other share can take. */
  reserved = 0;
}

/**
 * Divides the keys of a store between policies, so that a flood of subjects on one policy leaves room for the subjects
 * of the others. Half of the keys is reserved: in equal parts for the policies that were announced, and one more part
 * for all later ones. The other half is for anyone. Until policies are announced, all keys are for anyone.
 */
export class KeyShares {
  /** Keys in use. */
  size = 0;
  readonly #byId = new Map<string, KeyShare>();
  readonly #later = new KeyShare();
  /** Keys in use beyond those that are reserved for their share. */
  #common = 0;
  #maxCommon: number;

  /** @param max keys at most */
  constructor(private readonly max: number) {
    this.#maxCommon = max;
  }

  /** Reserves parts for policies, by their ids. */
  announce(ids: Iterable<string>): void {
    for (const id of ids) if (!this.#byId.has(id)) this.#byId.set(id, new KeyShare());
    this.#divide();
  }

  /** Returns the share of a policy. */
  of(id: string): KeyShare {
    return this.#byId.get(id) ?? this.#later;
  }

  /**
   * Returns true if a share certainly has room for one more key in addition to a number of other new keys. False means
   * unknown, because the shares of these keys are not checked.
   */
  hasPlenty(share: KeyShare, others: number): boolean {
    if (this.size + others >= this.max) return false;
    return share.size + others < share.reserved || this.#common + others < this.#maxCommon;
  }

  /** Returns true if a share has room for one more key in addition to one new key of each of the others. */
  hasRoom(share: KeyShare, others: readonly KeyShare[]): boolean {
    for (const other of others) this.add(other);
    const hasRoom = this.hasPlenty(share, 0);
    for (const other of others) this.remove(other);
    return hasRoom;
  }

  /** Counts a new key. */
  add(share: KeyShare): void {
    if (share.size >= share.reserved) this.#common += 1;
    share.size += 1;
    this.size += 1;
  }

  /** Counts a removed key. */
  remove(share: KeyShare): void {
    share.size -= 1;
    this.size -= 1;
    if (share.size >= share.reserved) this.#common -= 1;
  }

  #divide(): void {
    const shares = [...this.#byId.values(), this.#later];
    const part = Math.floor(Math.floor(this.max / 2) / shares.length);
    this.#common = 0;
    for (const share of shares) {
      share.reserved = part;
      this.#common += Math.max(0, share.size - part);
    }
    this.#maxCommon = this.max - part * shares.length;
  }
}
