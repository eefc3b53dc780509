import { controllerOf, signalOnce } from '../call-controllers.js';
import { onClientGone } from './socket-client.js';

/** Returns the signal of a connection, which aborts once the client has gone. */
export function connectionSignal(client: object): AbortSignal {
  return signalOnce(client, () => {
    const controller = controllerOf(client);
    onClientGone(client, () => controller.abort());
    return controller.signal;
  });
}

/**
 * Returns the signal of a message: that of its connection, and its own. One listener a connection serves all of its messages.
 *
 * @param args those of the message's handler
 */
export function messageSignal(args: object, client: object): AbortSignal {
  return signalOnce(args, () => AbortSignal.any([connectionSignal(client), controllerOf(args).signal]));
}
