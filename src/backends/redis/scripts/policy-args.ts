import type { Policy } from '../../../core/policy.js';

/** A policy as arguments of a script. Twin of `read_policy` in Lua. */
export function policyArgs({ strategy, limit, periodMs, burst, segments }: Policy): string[] {
  return [strategy, String(limit), String(periodMs), String(burst), String(segments)];
}
