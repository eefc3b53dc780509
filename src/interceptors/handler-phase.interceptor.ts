import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Observable, Subscriber } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import type { CallSession } from '../service/calls/call-session.js';
import { observeHandler } from '../service/calls/ends/observed-handler.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { runInSession } from '../service/calls/session-store.js';

/**
 * After all guards, charges the limits that the guard deferred to the handler phase. Observes how the handler ends, for
 * limits with `chargeWhen` and for concurrency limits. The module binds it only to HTTP handlers with such limits.
 */
@Injectable()
export class HandlerPhaseInterceptor implements NestInterceptor {
  constructor(
    @Inject(HandlerLimiter) private readonly limiter: HandlerLimiter,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Awaitable<Observable<unknown>> {
    const session = this.sessions.opened(context);
    // The handler may share its function with a handler of another class or application that has such limits.
    if (session === undefined) return next.handle();
    // A denied call throws.
    return chain(this.limiter.admit(session, 'handler'), () => handle(session, next));
  }
}

function handle(session: CallSession, next: CallHandler): Observable<unknown> {
  const { isByOutcome = false, hasPermits = false } = session.handlerLimits ?? {};
  const end = isByOutcome || hasPermits ? session.watchEnd() : session.end;
  if (end === undefined) return next.handle();
  const start = (answers: Subscriber<unknown>) => next.handle().subscribe(answers);
  return observeHandler(hasPermits ? (answers) => runInSession(session, () => start(answers)) : start, {
    begin: () => end.beginHandler(),
    end: (found) => end.endHandler(found),
  });
}
