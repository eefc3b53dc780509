import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ThrottleConfigError } from '../core/errors.js';
import { isRequest } from '../transports/call.js';
import { requestSignal } from '../transports/http/request-signal.js';
import { messageSignal } from '../transports/sockets/message-signal.js';
import { isSocket } from '../transports/sockets/socket-client.js';

/**
 * Parameter decorator for HTTP and gateway handlers: the `signal` of the call (see `Call.signal`). Pass it on, so that
 * the work stops when the client has gone.
 *
 * @example
 * @Concurrency(2)
 * @Get('export')
 * export(@CallSignal() signal: AbortSignal) { return this.database.export({ signal }); }
 */
export const CallSignal: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const args = context.getArgs<[unknown, unknown]>();
  const [caller, response] = args;
  if (isSocket(caller)) return messageSignal(args, caller);
  if (isRequest(caller) && typeof response === 'object' && response !== null) return requestSignal(caller, response);
  throw new ThrottleConfigError(
    'SLUICE_NO_CALL',
    '@CallSignal(): expected a handler of HTTP requests or of a gateway. Calls of other handlers have no signal.',
  );
});
