import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Observable, Observer } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import type { CallSession } from '../service/calls/call-session.js';
import { observeHandler } from '../service/calls/ends/observed-handler.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { runInSession } from '../service/calls/session-store.js';

/**
 * Charges what the guard left to the handler phase, after all guards have run, and observes how the handler ends for limits that are
 * charged by outcome, and for those of concurrency. The module binds it to handlers over HTTP with such limits, and to no others.
 */
@Injectable()
export class HandlerPhaseInterceptor implements NestInterceptor {
  constructor(
    @Inject(HandlerLimiter) private readonly limiter: HandlerLimiter,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Awaitable<Observable<unknown>> {
    const session = this.sessions.opened(context);
    // A handler may share its function with one of another class, or of another application, that has such limits.
    if (session === undefined) return next.handle();
    // A denied call throws.
    return chain(this.limiter.admit(session, 'handler'), () => handle(session, next));
  }
}

function handle(session: CallSession, next: CallHandler): Observable<unknown> {
  const { isByOutcome = false, hasPermits = false } = session.handlerLimits ?? {};
  const end = isByOutcome || hasPermits ? session.watchEnd() : session.end;
  if (end === undefined) return next.handle();
  const start = (answers: Observer<unknown>) => next.handle().subscribe(answers);
  return observeHandler(hasPermits ? (answers) => runInSession(session, () => start(answers)) : start, {
    begin: () => end.beginHandler(),
    end: (found) => end.endHandler(found),
  });
}
