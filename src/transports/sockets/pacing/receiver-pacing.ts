import { memberAt } from '../../identity/member-path.js';
import type { MessagePacer } from './message-pacer.js';

/** What a `ws` client reads frames with. An inner member: a client without it keeps the pace that its library has. */
interface Receiver {
  /** Whether a message may be emitted in the same turn of the event loop as the one before. Otherwise it waits for the next turn. */
  _allowSynchronousEvents: boolean;
  on(event: string, listener: () => void): unknown;
}

/** What a receiver emits, one per turn unless it may go on. */
const EVENTS = ['message', 'ping', 'pong'];

/** Returns the receiver of a `ws` client. */
export function receiverOf(socket: object): Receiver | undefined {
  const receiver = memberAt(socket, ['_receiver']);
  return isReceiver(receiver) ? receiver : undefined;
}

/**
 * Makes a `ws` client emit as many messages per turn as its pacer says. What comes beyond stays unread in the receiver, which
 * does not take more input then, so a flood waits in the client's own buffers.
 */
export function paceReceiver(receiver: Receiver, pacer: MessagePacer): void {
  let inTurn = 0;
  const endTurn = () => {
    inTurn = 0;
  };
  // The turn began while the socket was read. A message that waits for its end comes still in this turn, right behind this function.
  const endTurnOfRead = () => {
    if (receiver._allowSynchronousEvents) endTurn();
    else setImmediate(endTurn);
  };
  receiver._allowSynchronousEvents = true;
  pacer.onDenial = () => {
    receiver._allowSynchronousEvents = false;
  };
  const count = () => {
    const { perTurn } = pacer;
    if (inTurn === 0) setImmediate(receiver._allowSynchronousEvents ? endTurnOfRead : endTurn);
    inTurn += 1;
    // The next one, if it has to wait, comes still in this turn or begins another.
    receiver._allowSynchronousEvents = inTurn < perTurn - 1;
  };
  for (const event of EVENTS) receiver.on(event, count);
}

function isReceiver(receiver: unknown): receiver is Receiver {
  return (
    typeof receiver === 'object' &&
    receiver !== null &&
    typeof Reflect.get(receiver, '_allowSynchronousEvents') === 'boolean' &&
    typeof Reflect.get(receiver, 'on') === 'function'
  );
}
