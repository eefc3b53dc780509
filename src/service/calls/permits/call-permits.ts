import { randomInt } from 'node:crypto';
import type { HoldRequest } from '../../../backends/hold-store.js';
import { sharedState } from '../../../core/copies.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import { abortCall } from '../../../transports/call-controllers.js';
import type { Responder } from '../../../transports/responder.js';
import type { CallEnd } from '../ends/call-end.js';

/** Who holds permits: a call, or a function that runs (`ThrottleService.run`). */
export interface PermitHolder {
  /** A permit was lost: it had expired before it was extended, or its budget was reset. */
  lose(permit: HoldRequest): void;
}

/** The permits of one call. They are freed together, once, when the call has ended. */
export class CallPermits implements PermitHolder {
  readonly #held = new Set<HoldRequest>();
  #isFree = false;

  /**
   * @param target what the call is known by, to abort its signal
   * @param free gives permits back
   */
  constructor(
    end: CallEnd,
    responder: Pick<Responder<unknown>, 'endsWith' | 'onClientGone'>,
    private readonly target: object | undefined,
    free: (permits: readonly HoldRequest[]) => void,
  ) {
    // A message whose handler never begins has no end: Nest drops it if its client goes while it is decided.
    const stopWatching = responder.endsWith === 'handler' ? responder.onClientGone(() => end.abandon()) : undefined;
    end.whenEnded(() => {
      stopWatching?.();
      this.#isFree = true;
      const held = [...this.#held];
      this.#held.clear();
      if (held.length > 0) free(held);
    });
  }

  /** True once the call has ended: a handler that has not begun by then must not run. */
  get isFree(): boolean {
    return this.#isFree;
  }

  /** Adds permits that the call holds from now on. Returns false if it has ended: they are the caller's to free. */
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

/** The reason of a signal that is aborted because of a lost permit. */
export function permitLost({ policy }: HoldRequest): Error {
  return new Error(
    `A permit of the policy "${policy.name}" was lost: it expired before it could be extended, or was reset. Another call may run in its place.`,
  );
}

/** Below 2^53, with room to count. */
const MAX_RANDOM = 2 ** 47;
const ids = sharedState('hold-ids', () => ({ last: randomInt(MAX_RANDOM) * 32 }));

/** Returns the id of a new hold: random, so that two processes do not take the same, and counted up, so that this one does not. */
export function nextHoldId(): number {
  ids.last += 1;
  return ids.last;
}

/** The error of a permit that is taken by hand where nothing ends. */
export function holdsUntilEnd(method: string, name: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_NO_CALL',
    `${method}("${name}"): takes a permit until the call has ended, and there is no call here whose end can be seen. Use run("${name}", options, fn), which holds it while fn runs.`,
  );
}
