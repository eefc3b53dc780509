import { randomInt } from 'node:crypto';
import type { HoldRequest } from '../../../backends/hold-store.js';
import { sharedState } from '../../../core/copies.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import { abortCall } from '../../../transports/call-controllers.js';
import type { Responder } from '../../../transports/responder.js';
import type { CallEnd } from '../ends/call-end.js';

/** The holder of permits: a call, or a function that runs (`ThrottleService.run`). */
export interface PermitHolder {
  /** Called if a permit was lost: it had expired before it was extended, or its budget was reset. */
  lose(permit: HoldRequest): void;
}

/** The permits of one call. They are freed together when the call has ended. */
export class CallPermits implements PermitHolder {
  readonly #held = new Set<HoldRequest>();
  #isFree = false;

  /**
   * @param target the object that identifies the call, to abort its signal
   * @param free frees permits
   */
  constructor(
    end: CallEnd,
    responder: Pick<Responder<unknown>, 'endsWith' | 'onClientGone'>,
    private readonly target: object | undefined,
    free: (permits: readonly HoldRequest[]) => void,
  ) {
    // A message whose handler never begins has no end: Nest drops it if its client goes while the call is being
    // decided.
    const stopWatching = responder.endsWith === 'handler' ? responder.onClientGone(() => end.abandon()) : undefined;
    end.whenEnded(() => {
      stopWatching?.();
      this.#isFree = true;
      const held = [...this.#held];
      this.#held.clear();
      if (held.length > 0) free(held);
    });
  }

  /** True when the call has ended. A handler that has not begun by then must not run. */
  get isFree(): boolean {
    return this.#isFree;
  }

  /** Adds permits to the call. Returns false if it has ended; then the caller must free them. */
  add(permits: readonly HoldRequest[]): boolean {
    if (this.#isFree) return false;
    for (const permit of permits) this.#held.add(permit);
    return true;
  }

  lose(permit: HoldRequest): void {
    if (!this.#held.delete(permit) || this.target === undefined) return;
    abortCall(this.target, permitLost(permit));
  }
}

/** Returns the abort reason for a lost permit. */
export function permitLost({ policy }: HoldRequest): Error {
  return new Error(
    `A permit of the policy "${policy.name}" was lost: it expired before it could be extended, or was reset. Another call may run in its place.`,
  );
}

/** The largest random start of ids: below 2^53, with room to count. */
const MAX_RANDOM = 2 ** 47;
const ids = sharedState('hold-ids', () => ({ last: randomInt(MAX_RANDOM) * 32 }));

/**
 * Returns the id of a new hold: a random start, so that processes do not share ids, which is counted up in this
 * process.
 */
export function nextHoldId(): number {
  ids.last += 1;
  return ids.last;
}

/** Returns the error for a permit that is taken by hand where the end of the call cannot be observed. */
export function holdsUntilEnd(method: string, name: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_NO_CALL',
    `${method}("${name}"): holds a permit until the call ends, but there is no call here whose end can be observed. Use run("${name}", options, fn), which holds it while fn runs.`,
  );
}
