import type { TakenCharge } from '../../core/decision.js';
import { keyBeginning, keyEnd, keyPart } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { Target } from '../backend.js';
import { isBeside } from '../overrides/overridden-policy.js';
import type { OverrideTarget } from '../settings-store.js';

/** Charges or other targets whose keys are on one slot. */
export interface SlotGroup<T extends Target> {
  readonly slot: number;
  readonly targets: readonly T[];
  readonly keys: readonly string[];
  /** The position of each in the list that was grouped. */
  readonly indexes: readonly number[];
}

/** The slot of all keys if slots do not matter. */
const ANY_SLOT = -1;

/** The keys of budgets, and the slots that keys are on. */
export class RedisKeys {
  /** Ends of keys, by policy: names and scopes are mostly hashed, which is expensive. */
  readonly #ends = new WeakMap<Policy, string>();
  readonly #beginning: string;

  /** @param hasSlots whether a command may only have keys of one slot */
  constructor(
    private readonly prefix: string,
    readonly hasSlots: boolean,
  ) {
    this.#beginning = keyBeginning(prefix);
  }

  /**
   * The key of a budget: that of the policy, or that of the separate budget if the charge was taken under an override
   * of another period.
   */
  keyOf(target: Target & Pick<TakenCharge, 'rate'>): string {
    const { policy, subject, rate } = target;
    const key = this.#beginningOf(subject) + this.#endOf(policy);
    return rate !== undefined && isBeside(target) ? this.besideKeyOf(key) : key;
  }

  /** Returns the key of each charge of a call. */
  keysOf(charges: readonly Target[]): readonly string[] {
    const [first] = charges;
    if (first === undefined) return [];
    // Most calls have one charge, and a closure is more than a key.
    if (charges.length === 1) return [this.keyOf(first)];
    let last = first.subject;
    let beginning = this.#beginningOf(last);
    return charges.map(({ policy, subject }) => {
      // Most calls have one subject, and checking its characters is half the cost of a key.
      if (subject !== last) beginning = this.#beginningOf(subject);
      last = subject;
      return beginning + this.#endOf(policy);
    });
  }

  #beginningOf(subject: string): string {
    return this.#beginning + keyPart(subject);
  }

  #endOf(policy: Policy): string {
    let end = this.#ends.get(policy);
    if (end === undefined) {
      end = keyEnd(policy.id);
      this.#ends.set(policy, end);
    }
    return end;
  }

  /** The key of a budget whose policy is known by its id only. */
  keyOfId(id: string, subject: string): string {
    return this.#beginningOf(subject) + keyEnd(id);
  }

  /** The key of the separate budget for overrides of other periods. No id contains a "!". */
  besideKeyOf(key: string): string {
    return `${key}!o`;
  }

  /** The key with the shape of the state in the separate budget: its period and segments. */
  shapeKeyOf(key: string): string {
    return `${key}!p`;
  }

  /** The keys of a budget of holds: the charges of its window, the expiries of its holds, and their units. */
  holdKeysOf(target: Target): readonly [charges: string, expiries: string, units: string] {
    const key = this.keyOf(target);
    return [key, `${key}!h`, `${key}!u`];
  }

  /**
   * The key of an override, on the slot of its subject's budgets. Those have an "@" behind the subject, and this has
   * none.
   */
  overrideKeyOf({ policy, subject }: OverrideTarget): string {
    return this.#beginning + keyPart(subject) + keyEnd(`override:${policy}`);
  }

  /** The key of settings that belong to no subject: a list, or all changes to policies. */
  settingsKey(name: 'overrides' | 'policies' | 'blocks'): string {
    return `${this.prefix}:${name}`;
  }

  slotOf(key: string): number {
    return this.hasSlots ? slotOf(key) : ANY_SLOT;
  }

  /** Groups targets by slot, in order of first appearance. */
  groupBySlot<T extends Target>(targets: readonly T[]): readonly SlotGroup<T>[] {
    return this.#groupBy(targets, (_, slot) => slot);
  }

  /** Groups targets by key: while a slot moves, its keys may be on two masters. */
  groupByKey<T extends Target>(targets: readonly T[]): readonly SlotGroup<T>[] {
    return this.#groupBy(targets, (key) => key);
  }

  #groupBy<T extends Target>(
    targets: readonly T[],
    nameOf: (key: string, slot: number) => string | number,
  ): readonly SlotGroup<T>[] {
    const groups = new Map<string | number, { slot: number; targets: T[]; keys: string[]; indexes: number[] }>();
    targets.forEach((target, index) => {
      const key = this.keyOf(target);
      const slot = this.slotOf(key);
      const name = nameOf(key, slot);
      let group = groups.get(name);
      if (group === undefined) {
        group = { slot, targets: [], keys: [], indexes: [] };
        groups.set(name, group);
      }
      group.targets.push(target);
      group.keys.push(key);
      group.indexes.push(index);
    });
    return [...groups.values()];
  }
}

/**
 * The slot of a key in a Redis Cluster: CRC-16/XMODEM of its hash tag, modulo 16384 (Redis Cluster specification, "Key
 * distribution model").
 */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc = ((crc << 8) & 0xffff) ^ (CRC_TABLE[(crc >> 8) ^ byte] ?? 0);
  }
  return crc % 16_384;
}

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});
