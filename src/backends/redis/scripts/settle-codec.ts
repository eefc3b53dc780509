import type { Receipt } from '../../../core/decision.js';
import { isBeside, OverriddenPolicy } from '../../overrides/overridden-policy.js';
import { unexpectedReply } from './call-verdict.js';
import { argumentArgs, HAS_RECORD, policyArgs } from './policy-args.js';

/** The reply of lua/scripts/settle.lua. */
export interface SettleReply {
  /** The server's time, in epoch milliseconds. */
  readonly serverMs: number;
  /** False if the request came after its deadline. */
  readonly isDone: boolean;
}

const STATUS_DONE = 1;

/**
 * Encodes the arguments of lua/scripts/settle.lua: each charge of a receipt is changed to the cost at the same index.
 * No charge has an unlimited subject. The keys are those of the charges, and then, for each charge on a separate
 * budget, the key with the shape of its state.
 *
 * @param instant epoch milliseconds, or '' for the server's time
 * @param deadlineMs in the server's milliseconds
 * @param receipt without an instant it is a credit: the units are given back no matter when they were taken
 */
export function settleArgs(
  instant: string,
  deadlineMs: number,
  { at, charges }: Pick<Receipt, 'charges'> & { readonly at: number | undefined },
  costs: readonly number[],
): readonly string[] {
  let next = charges.length;
  const changes = charges.flatMap((charge, i) => {
    const { cost, rate } = charge;
    const policy =
      rate === undefined || rate === 'unlimited' ? charge.policy : new OverriddenPolicy(charge.policy, rate);
    const beside = isBeside(charge) ? ['!', `${++next}`] : [];
    const record = policy.block !== undefined && !isBeside(charge) ? [HAS_RECORD] : [];
    return [...beside, ...argumentArgs(charge), ...record, ...policyArgs(policy), `${cost}`, `${costs[i] ?? cost}`];
  });
  return [instant, `${deadlineMs}`, `${at ?? ''}`, ...changes];
}

/**
 * Decodes a reply of lua/scripts/settle.lua.
 *
 * @throws TypeError if it is none
 */
export function decodeSettleReply(reply: unknown): SettleReply {
  if (!Array.isArray(reply) || reply.length < 2) throw unexpectedReply();
  return { serverMs: Number(reply[0]), isDone: Number(reply[1]) === STATUS_DONE };
}
