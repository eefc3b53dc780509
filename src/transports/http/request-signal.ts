import { controllerOf, signalOnce } from '../call-controllers.js';
import { nodeRequestOf } from './node-request.js';
import { onResponseEnd } from './response-end.js';

/** Returns the signal of a request. It aborts if the client disconnects before the response is complete. */
export function requestSignal(request: object, response: object): AbortSignal {
  const target = nodeRequestOf(request);
  return signalOnce(target, () => {
    const controller = controllerOf(target);
    onResponseEnd(response, ({ isComplete }) => {
      if (!isComplete) controller.abort();
    });
    return controller.signal;
  });
}
