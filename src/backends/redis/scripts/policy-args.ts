import type { Charge } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';

/** A policy as arguments of a script. Twin of `read_policy` in Lua. */
export function policyArgs({ strategy, limit, periodMs, burst, segments }: Policy): string[] {
  return [strategy, String(limit), String(periodMs), String(burst), String(segments)];
}

/** The arguments of a charge, before its policy. Twin of `read_arguments` in Lua. Nothing for a charge without any. */
export function argumentArgs({ arguments: args }: Pick<Charge, 'arguments'>): readonly string[] {
  return args === undefined || args.length === 0 ? NO_ARGUMENTS : ['+', String(args.length), ...args.map(String)];
}

const NO_ARGUMENTS: readonly string[] = [];
