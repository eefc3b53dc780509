import { ThrottleConfigError } from '../../core/errors.js';
import type { Policy, PolicyMode, StoredRate } from '../../core/policy.js';
import type { PolicySource } from '../policy-source.js';
import { type ModeSource, modeSource } from './mode-source.js';

/** What is changed of a policy while the service runs. */
export interface ChangeInForce {
  readonly rate?: StoredRate;
  readonly mode?: PolicyMode;
  /** When it was made, in epoch milliseconds on the backend's clock. */
  readonly changedAt: number;
}

/** A limit that a policy of the module was compiled to. */
interface TrackedLimit {
  /** What applies if no plan says otherwise. */
  readonly own: PolicySource;
  /** What calls read: `own`, or a source that chooses by the plan. */
  readonly source: PolicySource;
  /** Returns the policies of the limit at another rate. @throws ThrottleConfigError if it cannot have it */
  readonly atRate: (rate: StoredRate) => readonly Policy[];
}

/** What a change replaces: rates in the limit's own source, the mode in that which calls read. */
type Changeable = Pick<PolicySource, 'fixed' | 'mode' | 'of'>;

interface Use extends TrackedLimit {
  readonly configured: Changeable;
}

/**
 * A policy of the module, and all limits that were compiled from it. A change replaces the policies and the mode in their sources,
 * which a call reads anyway: it pays nothing for a policy that may change.
 */
export class RuntimePolicy {
  readonly #uses: Use[] = [];
  #change: ChangeInForce | undefined;

  constructor(readonly name: string) {}

  /** The change that is in force. */
  get change(): ChangeInForce | undefined {
    return this.#change;
  }

  /** The policies as the code has them; undefined for a rate that is a function. */
  get configured(): readonly Policy[] | undefined {
    return this.#uses[0]?.configured.fixed;
  }

  /** The policies in force; undefined for a rate that is a function. */
  get effective(): readonly Policy[] | undefined {
    return this.#uses[0]?.own.fixed;
  }

  /** The mode in force, of uses without a mode of their own; undefined for one that is a function. */
  get mode(): PolicyMode | undefined {
    const mode = this.#uses[0]?.source.mode ?? 'on';
    return typeof mode === 'function' ? undefined : mode;
  }

  /** Adds a limit. It has the change that is in force, unless that does not fit it. */
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
   * Puts a change in force in place of the last one; undefined: none, as the code has it.
   *
   * @throws ThrottleConfigError if the policy cannot change, or if the change does not fit one of its limits; nothing changes then
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
   * @param isRate whether its rate is to change
   * @throws ThrottleConfigError with what to write instead
   */
  assertChangeable(isRate: boolean): void {
    const place = `policies.${this.name}`;
    const { configured } = this;
    if (configured === undefined) return;
    if (configured.some(({ lease }) => lease !== undefined)) {
      throw new ThrottleConfigError(
        'SLUICE_LEASE_CONFLICT',
        `${place}: has a \`lease\`, and units that are leased are spent as the code says. Leave the lease out, or change the code.`,
      );
    }
    if (configured.length === 0) {
      throw new ThrottleConfigError(
        'SLUICE_FIXED_RATE',
        `${place}: is "unlimited", and nothing asks for it. Give it a rate and the mode "off" in the code, and change the mode.`,
      );
    }
    if (isRate && configured.length > 1) {
      throw new ThrottleConfigError(
        'SLUICE_FIXED_RATE',
        `${place}: has ${configured.length} rates, of which none can change alone. Make each a policy of its own, or change the mode only.`,
      );
    }
  }

  /** Throws if a rate does not fit one of the limits. @throws ThrottleConfigError naming it */
  assertFits(rate: StoredRate): void {
    for (const { atRate } of this.#uses) atRate(rate);
  }
}

/** Replaces members of the sources, which nothing else does. */
function write({ own, source }: Use, { fixed, mode, of }: Changeable): void {
  Object.assign(own, { fixed, of });
  Object.assign(source, { mode });
}

/** Returns what a limit's sources are to hold under a change. */
function changed({ configured, atRate }: Use, change: ChangeInForce | undefined): Changeable {
  const { rate, mode } = change ?? {};
  const ofMode: ModeSource = mode === undefined ? configured.mode : modeSource(mode, '');
  if (rate === undefined) return { ...configured, mode: ofMode };
  const policies = atRate(rate);
  return { fixed: policies, mode: ofMode, of: () => policies };
}
