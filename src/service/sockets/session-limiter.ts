import type { Backend } from '../../backends/backend.js';
import { UnitReturns } from '../../backends/unit-returns.js';
import type { Receipt } from '../../core/decision.js';
import type { HttpRequest } from '../../transports/call.js';
import type { ConnectionRefusal } from '../../transports/sockets/handshake/connection-refusal.js';
import type { EngineSession } from '../../transports/sockets/handshake/engine.js';
import type { SessionHandler } from '../../transports/sockets/handshake/session-filter.js';
import type { ConnectionLimits, HandshakeLimiter } from './handshake-limiter.js';

/** The charge of a session when it was opened. */
interface Admission {
  readonly limits: ConnectionLimits;
  readonly receipt: Receipt | undefined;
  /** True if the charge was used for a namespace, or refunded. */
  isUsed: boolean;
}

/**
 * Limits the sessions of a socket.io engine, and the namespaces that they join. When a session is opened, it is not
 * known which namespace it will join. So it is charged under the limits of some namespace that allows it. The charge is
 * used for the first namespace it joins if that has the same limits; otherwise the limits of the namespace decide, and
 * the charge is refunded. A session that never joins a namespace stays charged; a refused one takes nothing and is
 * closed soon.
 */
export class SessionLimiter implements SessionHandler {
  readonly #served: ConnectionLimits[] = [];
  readonly #admissions = new WeakMap<object, Admission>();
  readonly #returns: UnitReturns;

  constructor(
    private readonly handshakes: HandshakeLimiter,
    backend: Pick<Backend, 'settle'>,
  ) {
    this.#returns = new UnitReturns(backend);
  }

  /** Adds the limits of a namespace that gateways serve. */
  serve(limits: ConnectionLimits): void {
    if (!this.#served.some((known) => isSame(known, limits))) this.#served.push(limits);
  }

  async decideSession(key: object, request: HttpRequest, peer: unknown): Promise<ConnectionRefusal | undefined> {
    // A namespace without limits is open to everyone, and so are sessions.
    if (this.#served.length === 0 || this.#served.some(({ length }) => length === 0)) return undefined;
    const verdict = await this.handshakes.decide(this.#served, request, peer);
    if (verdict.refusal !== undefined) return verdict.refusal;
    const { limits, receipt } = verdict;
    this.#admissions.set(key, { limits, receipt, isUsed: false });
    return undefined;
  }

  /** Resolves with the refusal of a session that joins a namespace; undefined if it may join. */
  async decideNamespace(session: EngineSession, limits: ConnectionLimits): Promise<ConnectionRefusal | undefined> {
    const admission = this.#admissionOf(session);
    if (admission !== undefined && !admission.isUsed && isSame(admission.limits, limits)) {
      admission.isUsed = true;
      return undefined;
    }
    const { refusal } = await this.handshakes.decide([limits], session.request ?? { headers: {} }, session);
    if (admission !== undefined && !admission.isUsed) {
      admission.isUsed = true;
      if (admission.receipt !== undefined) this.#returns.start(admission.receipt);
    }
    if (refusal !== undefined) this.handshakes.slowDown(session);
    return refusal;
  }

  /**
   * Resolves with the refusal of a session that requests a namespace that does not exist. It is charged like the
   * session.
   */
  async decideUnknown(session: EngineSession): Promise<ConnectionRefusal | undefined> {
    const admission = this.#admissionOf(session);
    if (admission === undefined) return undefined;
    try {
      return await this.decideNamespace(session, admission.limits);
    } catch (error) {
      return this.fail(error);
    }
  }

  fail(error: unknown): ConnectionRefusal {
    return this.handshakes.fail(error);
  }

  #admissionOf(session: EngineSession): Admission | undefined {
    return this.#admissions.get(session.request ?? session);
  }
}

function isSame(one: ConnectionLimits, other: ConnectionLimits): boolean {
  return one.length === other.length && one.every((limit, i) => limit === other[i]);
}
