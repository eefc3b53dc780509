import type { Awaitable } from '../../core/awaitable.js';
import { orderedRelease } from './ordered-release.js';
import type { Acknowledge } from './socket-call.js';
import { CLIENT_GONE, isEventClient } from './socket-client.js';

/** Decides whether a frame of a client may reach its listeners. Does not throw or reject. */
type FrameFilter = (message: unknown, ack: Acknowledge | undefined) => Awaitable<boolean>;

interface WsClient {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

interface IoClient {
  use(middleware: (event: readonly unknown[], next: () => void) => void): unknown;
}

/** How long the close event of a connection waits for messages that are not decided yet. */
const MAX_CLOSE_DELAY_MS = 1000;
/** Frames without data. They are counted but never withheld, because the library has already replied to them. */
const CONTROL_FRAMES = ['ping', 'pong'];

/** Filters a client's frames before they reach a listener. Returns false for a client of neither library. */
export function filterFrames(client: object, isAllowed: FrameFilter): boolean {
  if (isIoClient(client)) filterEvents(client, isAllowed);
  else if (isWsClient(client)) filterMessages(client, isAllowed);
  else return false;
  return true;
}

/** Replaces the client's own `emit`, so that the filter runs before any listener. */
function filterMessages(client: WsClient, isAllowed: FrameFilter): void {
  const emit = client.emit.bind(client);
  const inOrder = orderedRelease();
  client.emit = (event, ...args) => {
    const release = () => emit(event, ...args);
    if (event === 'message') {
      inOrder(isAllowed(args[0], undefined), release);
      return true;
    }
    if (event === 'close') {
      emit(CLIENT_GONE);
      closeInOrder(inOrder, release);
      return true;
    }
    if (CONTROL_FRAMES.some((name) => name === event)) isAllowed(args[0], undefined);
    return release();
  };
}

/** Emits `close` after the messages that arrived before it, if those are decided soon. */
function closeInOrder(inOrder: ReturnType<typeof orderedRelease>, emitClose: () => void): void {
  let isEmitted = false;
  const close = () => {
    if (!isEmitted) emitClose();
    isEmitted = true;
  };
  let hasWaited = false;
  // In a separate event-loop turn, as without the filter.
  inOrder(true, () => (hasWaited ? setImmediate(close) : close()));
  hasWaited = true;
  if (!isEmitted) setTimeout(close, MAX_CLOSE_DELAY_MS).unref();
}

function filterEvents(client: IoClient, isAllowed: FrameFilter): void {
  const inOrder = orderedRelease();
  client.use((event, next) => {
    const last = event.at(-1);
    const acknowledge = typeof last === 'function' ? (payload: object) => void last(payload) : undefined;
    inOrder(isAllowed(acknowledge === undefined ? event : event.slice(0, -1), acknowledge), next);
  });
}

function isIoClient(client: object): client is IoClient {
  return isEventClient(client) && 'use' in client;
}

function isWsClient(client: object): client is WsClient {
  return typeof Reflect.get(client, 'emit') === 'function' && 'readyState' in client;
}
