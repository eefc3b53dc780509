import type { Charge } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';

/**
 * The blocks of a policy as arguments of spend.lua, before the policy. Twin of `read_block` in Lua. Nothing for a
 * policy without.
 */
export function blockArgs({ block }: Policy): readonly string[] {
  if (block === undefined) return NO_ARGUMENTS;
  const { forMs, after, escalate, forgetAfterMs } = block;
  return [HAS_RECORD, `${forMs}`, `${after}`, `${forgetAfterMs}`, `${escalate.length}`, ...escalate.map(String)];
}

/** Says that a state is behind a record of blocks. */
export const HAS_RECORD = '#';

/** A policy as arguments of a script. Twin of `read_policy` in Lua. */
export function policyArgs({ strategy, limit, periodMs, burst, segments }: Policy): string[] {
  return [strategy, String(limit), String(periodMs), String(burst), String(segments)];
}

/** The arguments of a charge, before its policy. Twin of `read_arguments` in Lua. Nothing for a charge without any. */
export function argumentArgs({ arguments: args }: Pick<Charge, 'arguments'>): readonly string[] {
  return args === undefined || args.length === 0 ? NO_ARGUMENTS : ['+', String(args.length), ...args.map(String)];
}

const NO_ARGUMENTS: readonly string[] = [];
