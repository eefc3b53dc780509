import type { HoldRequest } from '../../../backends/hold-store.js';
import { type PermitHolder, permitLost } from './call-permits.js';
import type { OpenPermits } from './open-permits.js';
import type { KeepPermits } from './permit-taker.js';

/**
 * The argument of a function that `ThrottleService.run` runs.
 *
 * @example
 * await throttle.run('export', { subject: 'job:1' }, ({ signal }) => database.export({ signal }));
 */
export interface Run {
  /** Aborts if a permit of the run is lost. Created when it is first read. */
  readonly signal: AbortSignal;
}

/** The permits of one running function. */
export class RunPermits implements Run, PermitHolder {
  #held: readonly HoldRequest[] = [];
  #controller: AbortController | undefined;
  #lost: Error | undefined;

  constructor(private readonly open: OpenPermits) {}

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lost !== undefined) this.#controller.abort(this.#lost);
    }
    return this.#controller.signal;
  }

  readonly keep: KeepPermits = (permits) => {
    this.#held = permits;
    this.open.add(permits, this);
  };

  /** Frees the permits. */
  free(): void {
    if (this.#held.length > 0) this.open.free(this.#held);
  }

  lose(permit: HoldRequest): void {
    this.#lost = permitLost(permit);
    this.#controller?.abort(this.#lost);
  }
}
