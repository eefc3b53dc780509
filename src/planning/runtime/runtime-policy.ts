import { ThrottleConfigError } from '../../core/errors.js';
import type { Policy, PolicyMode, StoredRate } from '../../core/policy.js';
import type { PolicySource } from '../policy-source.js';
import { type ModeSource, modeSource } from './mode-source.js';

/** A run-time change of a policy. */
export interface ChangeInForce {
  readonly rate?: StoredRate;
  readonly mode?: PolicyMode;
  /** When it was made, in epoch milliseconds on the backend's clock. */
  readonly changedAt: number;
}

/** A limit that was compiled from a policy of the module. */
interface TrackedLimit {
  /** The policies under plans that do not name the policy. */
  readonly own: PolicySource;
  /** The source that calls read: `own`, or a source that selects by plan. */
  readonly source: PolicySource;
  /** Returns the policies of the limit at another rate. @throws ThrottleConfigError if it cannot have it */
  readonly atRate: (rate: StoredRate) => readonly Policy[];
}

/** The members that a change replaces: rates in the limit's own source, the mode in the source that calls read. */
type Changeable = Pick<PolicySource, 'fixed' | 'mode' | 'of'>;

interface Use extends TrackedLimit {
  readonly configured: Changeable;
}

/**
 * A policy of the module, and all limits that were compiled from it. A change replaces policies and mode in their
 * sources. Calls read the sources anyway, so a policy that may change costs them nothing.
 */
export class RuntimePolicy {
  readonly #uses: Use[] = [];
  #change: ChangeInForce | undefined;

  constructor(readonly name: string) {}

  /** The change in force. */
  get change(): ChangeInForce | undefined {
    return this.#change;
  }

  /** The policies as configured in the code; undefined for a rate that is a function. */
  get configured(): readonly Policy[] | undefined {
    return this.#uses[0]?.configured.fixed;
  }

  /** The policies in force; undefined for a rate that is a function. */
  get effective(): readonly Policy[] | undefined {
    return this.#uses[0]?.own.fixed;
  }

  /** The mode in force, for uses that do not set one; undefined if it is a function. */
  get mode(): PolicyMode | undefined {
    const mode = this.#uses[0]?.source.mode ?? 'on';
    return typeof mode === 'function' ? undefined : mode;
  }

  /** Adds a limit. Applies the change in force to it, unless the limit cannot have that rate. */
  track(limit: TrackedLimit): void {
    const { fixed, mode, of } = limit.own;
    const use: Use = { ...limit, configured: { fixed, mode, of } };
    this.#uses.push(use);
    try {
      if (this.#change !== undefined) write(use, changed(use, this.#change));
    } catch (error) {
      if (!(error instanceof ThrottleConfigError)) throw error;
    }
  }

  /**
   * Replaces the change in force; undefined restores the policy as configured in the code.
   *
   * @throws ThrottleConfigError if the policy cannot change, or if the change does not fit one of its limits. Then
   *   nothing changes
   */
  set(change: ChangeInForce | undefined): void {
    if (change !== undefined) this.assertChangeable(change.rate !== undefined);
    const next = this.#uses.map((use) => ({ use, to: changed(use, change) }));
    this.#change = change;
    for (const { use, to } of next) write(use, to);
  }

  /**
   * Throws unless the policy can change while the service runs.
   *
   * @param isRate true if the rate is to change
   * @throws ThrottleConfigError with what to write instead
   */
  assertChangeable(isRate: boolean): void {
    const place = `policies.${this.name}`;
    const { configured } = this;
    if (configured === undefined) return;
    if (configured.some(({ lease }) => lease !== undefined)) {
      throw new ThrottleConfigError(
        'SLUICE_LEASE_CONFLICT',
        `${place}: a policy with a \`lease\` cannot be changed at run time, because leased units are spent at the rate in the code. Leave the lease out, or change the code.`,
      );
    }
    if (configured.length === 0) {
      throw new ThrottleConfigError(
        'SLUICE_FIXED_RATE',
        `${place}: an "unlimited" policy cannot be changed at run time. Give it a rate and the mode "off" in the code, and change the mode.`,
      );
    }
    if (isRate && configured.length > 1) {
      throw new ThrottleConfigError(
        'SLUICE_FIXED_RATE',
        `${place}: has ${configured.length} rates, so a new rate would be ambiguous. Make each rate a separate policy, or change only the mode.`,
      );
    }
  }

  /** Throws if a rate does not fit one of the limits. @throws ThrottleConfigError naming it */
  assertFits(rate: StoredRate): void {
    for (const { atRate } of this.#uses) atRate(rate);
  }
}

/** Replaces members of the sources. Nothing else changes them. */
function write({ own, source }: Use, { fixed, mode, of }: Changeable): void {
  Object.assign(own, { fixed, of });
  Object.assign(source, { mode });
}

/** Returns the members of a limit's sources under a change. */
function changed({ configured, atRate }: Use, change: ChangeInForce | undefined): Changeable {
  const { rate, mode } = change ?? {};
  const ofMode: ModeSource = mode === undefined ? configured.mode : modeSource(mode, '');
  if (rate === undefined) return { ...configured, mode: ofMode };
  const policies = atRate(rate);
  return { fixed: policies, mode: ofMode, of: () => policies };
}
