import type { Receipt } from '../../../core/decision.js';
import { unexpectedReply } from './call-verdict.js';
import { argumentArgs, policyArgs } from './policy-args.js';

/** The reply of lua/scripts/settle.lua. */
export interface SettleReply {
  /** The server's time, in epoch milliseconds. */
  readonly serverMs: number;
  /** False if the request came after its deadline. */
  readonly isDone: boolean;
}

const STATUS_DONE = 1;

/**
 * Encodes the arguments of lua/scripts/settle.lua: each charge of a receipt becomes one of the cost of the same index.
 *
 * @param instant epoch milliseconds, or '' for the server's time
 * @param deadlineMs in the server's milliseconds
 */
export function settleArgs(
  instant: string,
  deadlineMs: number,
  { at, charges }: Pick<Receipt, 'at' | 'charges'>,
  costs: readonly number[],
): readonly string[] {
  const changes = charges.flatMap((charge, i) => {
    const { policy, cost } = charge;
    return [...argumentArgs(charge), ...policyArgs(policy), `${cost}`, `${costs[i] ?? cost}`];
  });
  return [instant, `${deadlineMs}`, `${at}`, ...changes];
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
