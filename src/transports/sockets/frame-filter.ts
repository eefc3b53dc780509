import type { Awaitable } from '../../core/awaitable.js';
import { orderedRelease } from './ordered-release.js';
import type { Acknowledge } from './socket-call.js';
import { CLIENT_GONE, isEventClient } from './socket-client.js';

/** Asked before what a client sent reaches anybody. */
type FrameFilter = (message: unknown, ack: Acknowledge | undefined) => Awaitable<boolean>;

interface WsClient {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

interface IoClient {
  use(middleware: (event: readonly unknown[], next: () => void) => void): unknown;
}

/** For which the end of a connection waits for messages that are not decided yet. */
const WAIT_MS = 1000;
/** Frames that say nothing: counted, and never withheld, since the library has answered them already. */
const CONTROL = ['ping', 'pong'];

/** Has a client's frames pass by `frame` before they reach a listener. @returns whether that can be done */
export function filterFrames(client: object, frame: FrameFilter): boolean {
  if (isIoClient(client)) gateEvents(client, frame);
  else if (isWsClient(client)) gateMessages(client, frame);
  else return false;
  return true;
}

/** In place of the client's own `emit`: no listener is before it, whoever adds one. */
function gateMessages(client: WsClient, frame: FrameFilter): void {
  const emit = client.emit.bind(client);
  const line = orderedRelease();
  client.emit = (event, ...args) => {
    const go = () => emit(event, ...args);
    if (event === 'message') {
      line(frame(args[0], undefined), go);
      return true;
    }
    if (event === 'close') {
      emit(CLIENT_GONE);
      afterMessages(line, go);
      return true;
    }
    if (CONTROL.some((one) => one === event)) frame(args[0], undefined);
    return go();
  };
}

/** The end of a connection, behind the messages that came before it, if those are decided soon. */
function afterMessages(line: ReturnType<typeof orderedRelease>, end: () => void): void {
  let isOver = false;
  const over = () => {
    if (!isOver) end();
    isOver = true;
  };
  let hasWaited = false;
  // In a turn of its own, as it would have come.
  line(true, () => (hasWaited ? setImmediate(over) : over()));
  hasWaited = true;
  if (!isOver) setTimeout(over, WAIT_MS).unref();
}

function gateEvents(client: IoClient, frame: FrameFilter): void {
  const line = orderedRelease();
  client.use((event, next) => {
    const last = event.at(-1);
    const ack = typeof last === 'function' ? (payload: object) => void last(payload) : undefined;
    line(frame(ack === undefined ? event : event.slice(0, -1), ack), next);
  });
}

function isIoClient(client: object): client is IoClient {
  return isEventClient(client) && 'use' in client;
}

function isWsClient(client: object): client is WsClient {
  return typeof Reflect.get(client, 'emit') === 'function' && 'readyState' in client;
}
