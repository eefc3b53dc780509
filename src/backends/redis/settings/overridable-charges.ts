import type { Awaitable } from '../../../core/awaitable.js';
import type { Charge } from '../../../core/decision.js';
import type { RedisKeys } from '../redis-keys.js';
import type { OverrideCandidate, PreparedCharge } from '../scripts/override-lookup.js';
import type { OverrideReads } from './override-reads.js';

/** Says of charges that may be overridden where the script finds their overrides. */
export class OverridableCharges {
  constructor(
    private readonly keys: RedisKeys,
    private readonly reads: OverrideReads,
  ) {}

  /** Returns the charges, each with what the script needs. A promise only if overrides on other slots have to be read first. */
  prepare(charges: readonly Charge[], dueMs: number): Awaitable<readonly PreparedCharge[]> {
    const texts = new Map<string, string | undefined>();
    const unread = this.keys.hasSlots ? this.#unread(charges, texts) : NONE;
    if (unread.length === 0) return charges.map((charge) => this.#prepared(charge, texts));
    return Promise.all(unread.map((key) => this.reads.read(key, dueMs))).then((found) => {
      for (const [i, key] of unread.entries()) texts.set(key, found[i]);
      return charges.map((charge) => this.#prepared(charge, texts));
    });
  }

  /**
   * Returns the keys of overrides on other slots than their charge, where they were not read lately.
   *
   * @param texts gets the others: while those are read, these may become too old to be found again
   */
  #unread(charges: readonly Charge[], texts: Map<string, string | undefined>): readonly string[] {
    const keys = charges.flatMap((charge) => this.#foreignKeys(charge));
    return [...new Set(keys)].filter((key) => {
      const known = this.reads.known(key);
      if (known !== undefined) texts.set(key, known.text);
      return known === undefined;
    });
  }

  #foreignKeys(charge: Charge): readonly string[] {
    const slot = this.keys.slotOf(this.keys.keyOf(charge));
    return this.#overrideKeys(charge).filter((key) => this.keys.slotOf(key) !== slot);
  }

  #overrideKeys({ policy, overriddenBy = [] }: Charge): readonly string[] {
    return overriddenBy.map((subject) => this.keys.overrideKeyOf({ policy: policy.name, subject }));
  }

  /** @param texts the overrides on other slots, by key */
  #prepared(charge: Charge, texts: ReadonlyMap<string, string | undefined>): PreparedCharge {
    const { overriddenBy } = charge;
    if (overriddenBy === undefined) return charge;
    const key = this.keys.keyOf(charge);
    const slot = this.keys.slotOf(key);
    const candidates: OverrideCandidate[] = [];
    const subjects: string[] = [];
    for (const [i, overrideKey] of this.#overrideKeys(charge).entries()) {
      const isHere = this.keys.slotOf(overrideKey) === slot;
      const text = isHere ? undefined : texts.get(overrideKey);
      if (!isHere && text === undefined) continue;
      candidates.push(text === undefined ? { key: overrideKey } : { text });
      subjects.push(overriddenBy[i] ?? '');
    }
    const isUnlimited = charge.unlimited === true;
    const lookup = {
      isUnlimited,
      besideKey: this.keys.besideKeyOf(key),
      shapeKey: this.keys.shapeKeyOf(key),
      candidates,
      subjects,
    };
    return { ...charge, lookup };
  }
}

const NONE: readonly string[] = [];
