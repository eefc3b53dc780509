import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';
import { noteInjectable } from '../core/copies.js';
import { ThrottleConfigError } from '../core/errors.js';
import { guardMethodsFor } from '../decorators/throttler-options.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';

/**
 * Charges a call over HTTP before its handler runs, once even if the guard is bound several times. Throws a
 * ThrottleException (429) if the call is denied. Calls over other transports pass.
 *
 * The module binds it for all handlers. Guards that authenticate may run before or after it: a limit by user that finds
 * no user here is charged after all guards. Bind it by hand only to limit selected handlers:
 * @example
 * ThrottleModule.forRoot({ guard: false, default: '100/min' })
 * @UseGuards(ThrottleGuard) @Controller('reports')
 */
@Injectable()
export class ThrottleGuard implements CanActivate {
  static {
    noteInjectable(ThrottleGuard);
  }

  constructor(
    @Inject(HandlerLimiter) private readonly limiter: HandlerLimiter,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
  ) {
    const replacement = new.target === ThrottleGuard ? undefined : guardMethodsFor(new.target.prototype);
    if (replacement !== undefined) {
      throw new ThrottleConfigError('SLUICE_THROTTLER_OPTIONS', `${new.target.name}: ${replacement}`);
    }
  }

  /** Returns a boolean; a promise only if the backend or a function of the configuration returns one. */
  canActivate(context: ExecutionContext): Awaitable<boolean> {
    const session = this.sessions.enter(context, 'guard');
    return session === undefined || this.limiter.admit(session, 'guard');
  }
}
