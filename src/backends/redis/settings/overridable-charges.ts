import type { Awaitable } from '../../../core/awaitable.js';
import type { Charge } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { isBesideOwn } from '../../overrides/overridden-policy.js';
import type { RedisKeys } from '../redis-keys.js';
import type { OverrideCandidate, PreparedCharge } from '../scripts/override-lookup.js';
import { decodeOverride } from './override-codec.js';
import type { OverrideReads } from './override-reads.js';

/** Finds the overrides of charges: keys that the script reads, or strings that were read before. */
export class OverridableCharges {
  constructor(
    private readonly keys: RedisKeys,
    private readonly reads: OverrideReads,
  ) {}

  /**
   * Returns the charges, each with what the script needs. A promise only if overrides on other slots have to be read
   * first.
   */
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
   * Like `prepare`, for charges whose slot moves: their keys may be on two masters, and no script reads them all. So all
   * overrides are read first, and a charge has one key, unless an override of another period may count for it.
   */
  async prepareApart(charges: readonly Charge[], dueMs: number): Promise<readonly PreparedCharge[]> {
    const keys = [...new Set(charges.flatMap((charge) => this.#overrideKeys(charge)))];
    const found = await Promise.all(keys.map((key) => this.reads.read(key, dueMs)));
    const texts = new Map(keys.map((key, i) => [key, found[i]]));
    return charges.map((charge) => this.#prepared(charge, texts, true));
  }

  /**
   * Returns the keys of overrides that are on other slots than their charge and were not read within the last second.
   *
   * @param texts receives the overrides that were read within the last second: they may be evicted while the others are
   *   read
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

  /**
   * @param texts the overrides on other slots, by key
   * @param areRead whether all overrides are in `texts`
   */
  #prepared(charge: Charge, texts: ReadonlyMap<string, string | undefined>, areRead = false): PreparedCharge {
    const { overriddenBy } = charge;
    if (overriddenBy === undefined) return charge;
    const key = this.keys.keyOf(charge);
    const slot = this.keys.slotOf(key);
    const candidates: OverrideCandidate[] = [];
    const subjects: string[] = [];
    for (const [i, overrideKey] of this.#overrideKeys(charge).entries()) {
      const isHere = !areRead && this.keys.slotOf(overrideKey) === slot;
      const text = isHere ? undefined : texts.get(overrideKey);
      if (!isHere && text === undefined) continue;
      candidates.push(text === undefined ? { key: overrideKey } : { text });
      subjects.push(overriddenBy[i] ?? '');
    }
    const isUnlimited = charge.unlimited === true;
    const besideKeys = candidates.some((candidate) => mayCountBeside(candidate, charge.policy))
      ? [this.keys.besideKeyOf(key), this.keys.shapeKeyOf(key)]
      : NONE;
    return { ...charge, lookup: { isUnlimited, besideKeys, candidates, subjects } };
  }
}

const NONE: readonly string[] = [];

/** Returns false for an override that is known to count in the policy's own budget, or in none. */
function mayCountBeside(candidate: OverrideCandidate, policy: Policy): boolean {
  if ('key' in candidate) return true;
  const rate = decodeOverride(candidate.text)?.rate;
  return rate !== undefined && rate !== 'unlimited' && isBesideOwn(policy, rate);
}
