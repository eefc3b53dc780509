import { memberAt } from '../../member.js';
import type { MessagePacer } from './message-pacer.js';

/**
 * The object with which a `ws` client parses frames. It is a private member: a client without it keeps the pace of its
 * library.
 */
interface Receiver {
  /**
   * If true, a message may be emitted in the same event-loop turn as the previous one. Otherwise it waits for the next
   * turn.
   */
  _allowSynchronousEvents: boolean;
  on(event: string, listener: () => void): unknown;
}

/** The events that a receiver emits, one per turn unless it may go on. */
const EVENTS = ['message', 'ping', 'pong'];

/** Returns the receiver of a `ws` client. */
export function receiverOf(socket: object): Receiver | undefined {
  const receiver = memberAt(socket, ['_receiver']);
  return isReceiver(receiver) ? receiver : undefined;
}

/**
 * Makes a `ws` client emit as many messages per turn as its pacer allows. Further messages stay in the receiver, which
 * then accepts no more input, so a flood waits in the client's own buffers.
 */
export function paceReceiver(receiver: Receiver, pacer: MessagePacer): void {
  let inTurn = 0;
  const endTurn = () => {
    inTurn = 0;
  };
  // The turn began while the socket was read. A message that waits for the end of the turn is still emitted in this
  // turn, immediately after this function.
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
    // If the next message must wait, it is emitted later in this turn, or begins another one.
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
