import { createParamDecorator, type ExecutionContext, Inject, type PipeTransform } from '@nestjs/common';
import { assertKnownMembers, invalidValue } from '../core/errors.js';
import type { PolicyName } from '../core/literals/policy-name.js';
import { addReservation } from '../decorators/metadata.js';
import type { BudgetHold } from '../service/budgets/budget-hold.js';
import type { Estimate } from '../service/budgets/budget-reservations.js';
import { ThrottleService } from '../service/throttle.service.js';

/** Options of `@TokenBudget`. */
export interface TokenBudgetOptions {
  /** The name of a token budget of the module. */
  readonly budget: PolicyName;
  /** The units that the call may use, at least 1, or a function of the call that returns them. */
  readonly estimate: Estimate;
}

/** The reservation that a parameter requests. The pipe gets it instead of a value. */
class Reservation {
  constructor(
    readonly context: ExecutionContext,
    readonly options: TokenBudgetOptions,
  ) {}
}

/**
 * Reserves units for a parameter. A pipe is used because Nest injects dependencies into pipes but not into decorators.
 */
class ReservationPipe implements PipeTransform<Reservation, Promise<BudgetHold>> {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  transform({ context, options }: Reservation): Promise<BudgetHold> {
    return this.throttle.budget(options.budget).reserveFor(context, options.estimate);
  }
}

const reserved = createParamDecorator(
  (options: TokenBudgetOptions, context: ExecutionContext) => new Reservation(context, options),
);

/**
 * Reserves units of a token budget for a call, just before its handler, and passes the hold to the handler. If the
 * budget has no room, it responds like a denied `hit`. If the handler leaves the hold open, all held units are charged
 * when the call has ended, or none if the call failed.
 *
 * @throws ThrottleConfigError for invalid options. An unknown budget stops startup
 * @example
 * @Post() async complete(@TokenBudget({ budget: 'llm', estimate: 2000 }) hold: BudgetHold) {
 *   const answer = await llm.complete();
 *   await hold.settle(answer.usage.total);
 * }
 */
export function TokenBudget(options: TokenBudgetOptions): ParameterDecorator {
  return (target, method, index) => {
    assertOptions(`@TokenBudget on ${target.constructor.name}.${String(method)}`, options);
    if (method !== undefined) addReservation(target, method, options.budget);
    reserved(options, ReservationPipe)(target, method, index);
  };
}

function assertOptions(place: string, options: TokenBudgetOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidValue(place, 'options { budget, estimate }', options);
  assertKnownMembers(place, options, ['budget', 'estimate']);
  const { budget, estimate } = options;
  if (typeof budget !== 'string') throw invalidValue(`${place}, budget`, 'the name of a token budget', budget);
  if (typeof estimate !== 'function' && !(Number.isSafeInteger(estimate) && estimate >= 1)) {
    throw invalidValue(
      `${place}, estimate`,
      'a whole number of units, at least 1, or a function of the call',
      estimate,
    );
  }
}
