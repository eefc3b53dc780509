import type { NewPolicyChange, PolicyChange } from '../../settings-store.js';
import { isStoredRate } from './override-codec.js';

const VERSION = 1;
const MODES: readonly unknown[] = ['on', 'off', 'monitor'];

/**
 * The parts of a policy that can change. Each has a field of its own, so that two processes can change two of them at
 * once.
 */
const PARTS = ['rate', 'mode'] as const;
type Part = (typeof PARTS)[number];
type PartOfChange = Omit<PolicyChange, 'policy'>;

/** Returns the fields of a change, each followed by its value: JSON with a format version. */
export function changeFields({ policy, ...change }: NewPolicyChange, changedAt: number): readonly string[] {
  const made = PARTS.filter((part) => change[part] !== undefined);
  return made.flatMap((part) => [
    fieldOf(policy, part),
    JSON.stringify({ version: VERSION, [part]: change[part], changedAt }),
  ]);
}

/** Returns the fields of a policy without changes, each followed by its value, an empty string. */
export function resetFields(policy: string): readonly string[] {
  return PARTS.flatMap((part) => [fieldOf(policy, part), '']);
}

/**
 * Reads the changes in the fields of a hash. A field that cannot be read is ignored.
 *
 * @param report is called with the policy of such a field
 */
export function changesIn(
  fields: Iterable<readonly [field: string, text: string]>,
  report: (policy: string) => void,
): readonly PolicyChange[] {
  const changes = new Map<string, PolicyChange>();
  for (const [field, text] of fields) {
    if (text === '') continue;
    const [policy = '', part] = field.split(' ');
    const found = decodePart(part, text);
    if (found === undefined) {
      report(policy);
      continue;
    }
    const before = changes.get(policy);
    const changedAt = Math.max(before?.changedAt ?? found.changedAt, found.changedAt);
    changes.set(policy, { ...before, ...found, policy, changedAt });
  }
  return [...changes.values()];
}

/** A policy's name has no space. */
function fieldOf(policy: string, part: Part): string {
  return `${policy} ${part}`;
}

function decodePart(part: string | undefined, text: string): PartOfChange | undefined {
  const { version, rate, mode, changedAt } = membersOf(text);
  if (version !== VERSION || !isInstant(changedAt)) return undefined;
  if (part === 'rate' && rate !== undefined && isStoredRate(rate)) return { rate, changedAt };
  if (part === 'mode' && mode !== undefined && MODES.includes(mode)) return { mode, changedAt };
  return undefined;
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
