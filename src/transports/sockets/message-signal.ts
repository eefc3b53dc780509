import { controllerOf, signalOnce } from '../call-controllers.js';
import { onClientGone } from './socket-client.js';

/** Returns the signal of a connection. It aborts when the client has gone. */
export function connectionSignal(client: object): AbortSignal {
  return signalOnce(client, () => {
    const controller = controllerOf(client);
    onClientGone(client, () => controller.abort());
    return controller.signal;
  });
}

/**
 * Returns the signal of a message. It aborts with that of its connection or by itself. One listener per connection
 * serves all of its messages.
 *
 * @param args the arguments of the message's handler
 */
export function messageSignal(args: object, client: object): AbortSignal {
  return signalOnce(args, () => AbortSignal.any([connectionSignal(client), controllerOf(args).signal]));
}
