import type { PolicyChange } from '../../settings-store.js';
import { isStoredRate } from './override-text.js';

const VERSION = 1;
const MODES: readonly unknown[] = ['on', 'off', 'monitor'];

/** Writes a change to a policy as JSON, with the version of its form. The policy's name stands beside it. */
export function encodeChange({ rate, mode, changedAt }: PolicyChange): string {
  return JSON.stringify({ version: VERSION, rate, mode, changedAt });
}

/** Reads a change to a policy. Returns undefined for any other text. */
export function decodeChange(policy: string, text: string): PolicyChange | undefined {
  const { version, rate, mode, changedAt } = membersOf(text);
  if (version !== VERSION || !isInstant(changedAt)) return undefined;
  const isFit = (rate === undefined || isStoredRate(rate)) && (mode === undefined || MODES.includes(mode));
  return isFit ? { policy, changedAt, ...(rate && { rate }), ...(mode && { mode }) } : undefined;
}

/** Returns true for an instant that a date can have: it is written as one. */
function isInstant(changedAt: unknown): changedAt is number {
  return typeof changedAt === 'number' && !Number.isNaN(new Date(changedAt).getTime());
}

type Members = { readonly version?: number } & Partial<PolicyChange>;

function membersOf(text: string): Members {
  try {
    const parsed: Members | null = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
