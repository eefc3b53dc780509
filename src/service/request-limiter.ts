import { type Awaitable, isPromise } from '../core/awaitable.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { HttpRequest } from '../transports/call.js';
import type { HttpTransport } from '../transports/http/http-transport.js';
import type { CallLimiter } from './calls/call-limiter.js';
import type { SessionResolver } from './calls/session-resolver.js';

/** Limits all HTTP requests, even those without a matching route. */
export class RequestLimiter {
  /** Undefined if requests are not limited. The same array for all requests, since admissions are identified by it. */
  readonly #limits: readonly CompiledLimit[] | undefined;

  constructor(
    private readonly limiter: CallLimiter,
    private readonly sessions: SessionResolver,
    private readonly transport: HttpTransport,
    limit: CompiledLimit | undefined,
  ) {
    this.#limits = limit && [limit];
  }

  get isActive(): boolean {
    return this.#limits !== undefined;
  }

  /**
   * Charges a request, once even if called several times, and calls `next`, with an exception if the request is denied.
   */
  handle(request: HttpRequest, response: object, next: (error?: unknown) => void): void {
    let isAdmitted: Awaitable<boolean>;
    try {
      isAdmitted = this.#admit(request, response);
    } catch (error) {
      next(error);
      return;
    }
    if (isPromise(isAdmitted)) isAdmitted.then(() => next(), next);
    else next();
  }

  /** Returns true, or throws if the request is denied. */
  #admit(request: HttpRequest, response: object): Awaitable<boolean> {
    const limits = this.#limits;
    if (limits === undefined || isPreflight(request)) return true;
    const session = this.sessions.of(this.transport.openRequest(request, response));
    const known = session.admissionUnder(limits);
    if (known !== undefined) return known;
    const isAdmitted = this.limiter.limit(limits, session);
    session.keepAdmission(limits, isAdmitted);
    return isAdmitted;
  }
}

/** Returns true for a CORS-preflight request, as defined by the Fetch standard. The browser sends it, not the page. */
function isPreflight({ method, headers }: HttpRequest): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
