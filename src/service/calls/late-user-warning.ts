import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { Call } from '../../transports/call.js';
import { onClose } from '../../transports/http/http-call.js';
import { memberAt } from '../../transports/identity/member-path.js';

const warned = new WeakSet<HandlerLimits>();

/**
 * Watches for a user who is there when the handler answers, and was not when the guard charged: then the guard that
 * authenticates runs too late, and everybody was charged by address. Warns once a handler.
 */
export function watchForLateUser(
  plan: HandlerLimits,
  { request, response }: Call,
  warn: (message: string) => void,
): void {
  if (request === undefined || response === undefined || warned.has(plan)) return;
  const missing = plan.userPaths.filter((path) => isMissing(request, path));
  if (missing.length === 0) return;
  onClose(response, () => {
    const late = missing.find((path) => !isMissing(request, path));
    if (late === undefined || warned.has(plan)) return;
    warned.add(plan);
    warn(
      `${plan.label}: by.user('${late.join('.')}') found nobody in the guard, and there was a user when the answer was sent: the address was charged. ` +
        'Bind ThrottleGuard after the guard that authenticates: forRoot({ guard: false }), then { provide: APP_GUARD, useClass: ThrottleGuard } behind it.',
    );
  });
}

function isMissing(request: object, path: readonly string[]): boolean {
  const found = memberAt(request, path);
  return found === null || found === undefined || found === '';
}
