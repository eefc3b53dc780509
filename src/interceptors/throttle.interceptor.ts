import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { EMPTY, type Observable, type Subscriber } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import { noteInjectable } from '../core/copies.js';
import type { CallSession } from '../service/calls/call-session.js';
import type { HandlerEnd } from '../service/calls/ends/call-end.js';
import { type HandlerObserver, observeHandler } from '../service/calls/ends/observed-handler.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { runInSession } from '../service/calls/session-store.js';

/**
 * Charges a socket message before its handler runs, once even if the interceptor is bound several times. If the message
 * is denied, the handler does not run, and the client receives the `rate_limit` message. Calls over other transports
 * pass.
 *
 * The module binds it for all gateways, so you need not bind it.
 */
@Injectable()
export class ThrottleInterceptor implements NestInterceptor {
  static {
    noteInjectable(ThrottleInterceptor);
  }

  constructor(
    @Inject(HandlerLimiter) private readonly limiter: HandlerLimiter,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Awaitable<Observable<unknown>> {
    const session = this.sessions.enter(context, 'interceptor');
    if (session === undefined) return next.handle();
    const admitted = this.limiter.admit(session, 'both');
    // The usual case, without a closure.
    if (admitted === true) return this.#handle(session, next);
    return chain(admitted, (isAdmitted) => (isAdmitted ? this.#handle(session, next) : dropped(session)));
  }

  /** Runs the handler as a part of the call, even if it does its work on subscription. */
  #handle(session: CallSession, next: CallHandler): Observable<unknown> {
    // Nothing needs the call, its end or an acknowledgement, so this saves an Observable.
    if (session.responder.acknowledge === undefined && session.end === undefined && !this.sessions.isTracking)
      return next.handle();
    const start = (answers: Subscriber<unknown>) => next.handle().subscribe(answers);
    const isCurrent = this.sessions.isTracking || session.handlerLimits?.hasPermits === true;
    const run = isCurrent ? (answers: Subscriber<unknown>) => runInSession(session, () => start(answers)) : start;
    return observeHandler(run, new MessageObserver(session));
  }
}

/** Observes the handler of a message. */
class MessageObserver implements HandlerObserver {
  constructor(private readonly session: CallSession) {}

  begin(): void {
    this.session.end?.beginHandler();
  }

  /** A charge by hand may have requested the end of the call while the handler ran. */
  end(end: HandlerEnd): void {
    this.session.end?.endHandler(end);
  }

  /** The handler may have denied the message itself and not have responded. */
  complete(isAnswered: boolean): void {
    if (!isAnswered) this.session.responder.acknowledge?.();
  }
}

function dropped(session: CallSession): Observable<never> {
  // The message may hold permits if it was dropped while it was delayed.
  session.end?.abandon();
  session.responder.acknowledge?.();
  return EMPTY;
}
