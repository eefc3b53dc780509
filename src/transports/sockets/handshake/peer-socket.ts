/** The part in use of a TCP socket, or of a connection of engine.io. */
interface PeerSocket {
  readonly destroyed?: boolean;
  readonly readableEnded?: boolean;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  /** Only on a TCP socket. */
  read?(size: number): unknown;
}

const ENDS = ['end', 'close'];

/**
 * Calls `listener` once the client of a connection request has gone. Returns a function that removes the listener.
 *
 * Node does not read from a socket that is to be upgraded, and without reading, its end is not noticed. So this starts
 * reading. The data stays in the socket's buffer for the code that takes over the connection.
 */
export function onPeerGone(socket: unknown, listener: () => void): () => void {
  if (!isPeerSocket(socket)) return () => {};
  if (socket.destroyed || socket.readableEnded) listener();
  for (const end of ENDS) socket.once(end, listener);
  socket.read?.(0);
  return () => {
    for (const end of ENDS) socket.off(end, listener);
  };
}

function isPeerSocket(socket: unknown): socket is PeerSocket {
  return typeof socket === 'object' && socket !== null && 'once' in socket && 'off' in socket;
}
