import type { Charge } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import { credited } from '../../strategies/strategy.js';
import type { MemoryStore } from './memory-store.js';

/**
 * Changes the cost of a charge of a receipt.
 *
 * @param at the instant of the charge
 * @param to the new cost
 */
export function amendCharge(store: MemoryStore, charge: Charge, at: number, to: number, now: number): void {
  if (to < charge.cost) lower(store, charge, at, to, now);
  else if (to > charge.cost) raise(store, charge, at, to, now);
}

function lower(store: MemoryStore, charge: Charge, at: number, to: number, now: number): void {
  const { policy, subject, cost } = charge;
  const table = store.tableOf(policy);
  const { strategy, states } = table;
  const index = table.find(mapKey(subject));
  // A charge on the overflow state stays: its subject is not stored.
  if (index === undefined) return;
  const amended = strategy.amend(states.read(index), now, policy, at, cost, to, charge.arguments);
  if (amended.length === 0) store.removeState(policy, subject);
  else states.write(index, amended, states.expiresAt(index));
}

function raise(store: MemoryStore, charge: Charge, at: number, to: number, now: number): void {
  const { policy, cost, arguments: args } = charge;
  const table = store.tableOf(policy);
  const { strategy } = table;
  const key = mapKey(charge.subject);
  const isShared = table.find(key) === undefined && !store.hasRoom(table, now, []);
  if (store.isSuperseded(table, key)) return;
  const found = store.read(table, key, isShared);
  const amended = strategy.amend(found, now, policy, at, cost, to, args);
  if (amended === found) return;
  const { resetMs } = strategy.step(amended, now, policy, 0, args).decision;
  store.write({ table, key, isShared }, amended, now + resetMs);
}

/** Returns the units of a charge to its budget, at most those that are used. */
export function creditCharge(
  store: MemoryStore,
  { policy, subject, cost, arguments: args }: Charge,
  now: number,
): void {
  const table = store.tableOf(policy);
  const { strategy, states } = table;
  const index = table.find(mapKey(subject));
  // A subject that is not stored has used nothing. The state that new subjects share while the store is full belongs to
  // none of them.
  if (index === undefined || cost === 0) return;
  const found = states.read(index);
  const after = credited(strategy, found, now, policy, cost, args);
  if (after.length === 0) store.removeState(policy, subject);
  else if (after !== found) states.write(index, after, states.expiresAt(index));
}
