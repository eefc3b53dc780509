import type { HoldStore } from '../../backends/hold-store.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { BudgetRegistry } from '../../planning/budgets/budget-registry.js';
import type { Responder } from '../../transports/responder.js';
import type { CallLimiter } from '../calls/call-limiter.js';
import { type BudgetContext, BudgetReservations } from './budget-reservations.js';
import { OpenReservations } from './open-reservations.js';

/** The token budgets of an application, created on first use. */
export class NamedBudgets {
  readonly #budgets = new Map<string, BudgetReservations>();
  #context: BudgetContext | undefined;

  constructor(
    private readonly registry: BudgetRegistry,
    private readonly limiter: CallLimiter,
    private readonly detached: Responder<never>,
    private readonly targetOf: BudgetContext['targetOf'],
  ) {}

  /** @throws ThrottleConfigError for an unknown name */
  get(name: string): BudgetReservations {
    let budget = this.#budgets.get(name);
    if (budget === undefined) {
      budget = new BudgetReservations(name, this.registry.get(name, `budget("${name}")`), this.#shared());
      this.#budgets.set(name, budget);
    }
    return budget;
  }

  #shared(): BudgetContext {
    const { limiter, detached, targetOf } = this;
    this.#context ??= {
      limiter,
      holds: holdsOf(limiter),
      reservations: new OpenReservations(limiter.heartbeat, limiter.settings.warn),
      detached,
      targetOf,
    };
    return this.#context;
  }
}

/** Returns the backend's store of holds. Startup has checked that there is one. */
function holdsOf({ settings: { backend } }: CallLimiter): HoldStore {
  if (backend.holds !== undefined) return backend.holds;
  throw new ThrottleConfigError(
    'SLUICE_UNSUPPORTED_BACKEND',
    `${backend.constructor.name} has no \`holds\`. Use another backend.`,
  );
}
