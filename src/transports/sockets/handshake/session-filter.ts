import { STATUS_CODES } from 'node:http';
import type { HttpRequest } from '../../call.js';
import type { ConnectionRefusal } from './connection-refusal.js';
import type { Engine, EngineSession } from './engine.js';

/** Decides whether an engine of socket.io may open a session. */
export interface SessionHandler {
  /**
   * Resolves with the refusal of a session; undefined accepts it.
   *
   * @param key the request, or the session itself if there is no request
   * @param peer the socket or connection, which shows when the client has gone
   */
  decideSession(key: object, request: HttpRequest, peer: unknown): Promise<ConnectionRefusal | undefined>;
  /** Logs an error that no caller can receive, and returns the refusal for it. */
  fail(error: unknown): ConnectionRefusal;
}

/** The response to a request that is not an upgrade. */
interface NodeResponse {
  readonly headersSent: boolean;
  writeHead(status: number, headers: object): { end(body: string): unknown };
}

/** The socket of an upgrade request. */
interface UpgradeSocket {
  readonly writable: boolean;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'finish', listener: () => void): unknown;
  end(text: string): unknown;
  destroy(): unknown;
}

/**
 * Makes an engine call the handler before it opens a session, over any transport. Runs before the application's own
 * `allowRequest`: limiting is cheaper than authentication, and counts clients that fail there.
 */
export function filterSessions(engine: Engine, handler: SessionHandler): void {
  const { opts } = engine;
  const own = opts.allowRequest;
  opts.allowRequest = async (request, done) => {
    const { res, socket } = request;
    const isUpgrade = !isResponse(res);
    // Node has stopped listening for errors of an upgraded socket, and the engine does not listen yet.
    if (isUpgrade && isUpgradeSocket(socket)) socket.on('error', () => {});
    const refuse = (refusal: ConnectionRefusal) => {
      if (respond(request, refusal)) tell(refusal);
      else done(refusal.message, false);
    };
    const tell = (refusal: ConnectionRefusal) => {
      try {
        engine.emit('connection_error', { req: request, ...errorOf(refusal) });
      } catch (error) {
        handler.fail(error);
      }
    };
    try {
      const refusal = await handler.decideSession(request, request, isUpgrade ? socket : res);
      if (refusal !== undefined) refuse(refusal);
      else if (typeof own !== 'function') done(null, true);
      else await own.call(opts, request, done);
    } catch (error) {
      refuse(handler.fail(error));
    }
  };
  engine.on('connection', (session) => {
    // Over WebTransport there is no request to refuse: the session is already open, and is closed.
    if (!session.request) closeIfRefused(session, handler);
  });
}

async function closeIfRefused(session: EngineSession, handler: SessionHandler): Promise<void> {
  try {
    if ((await handler.decideSession(session, { headers: {} }, session)) !== undefined) session.close();
  } catch (error) {
    handler.fail(error);
    session.close();
  }
}

/** Returns the error that engine.io reports for a request that `allowRequest` refuses. */
function errorOf({ message }: ConnectionRefusal): object {
  return { code: 4, message: 'Forbidden', context: { message } };
}

/**
 * Responds to a client that polls, or refuses an upgrade as `ws` does. The body is the payload. Returns false if the
 * request has neither a response nor an upgrade socket.
 */
function respond({ res, socket }: HttpRequest, { status, headers, data }: ConnectionRefusal): boolean {
  const body = JSON.stringify(data);
  const fields = {
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
  };
  if (isResponse(res)) {
    if (!res.headersSent) res.writeHead(status, fields).end(body);
    return true;
  }
  if (!isUpgradeSocket(socket)) return false;
  const lines = Object.entries({ Connection: 'close', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy());
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  return true;
}

function isResponse(value: unknown): value is NodeResponse {
  return typeof value === 'object' && value !== null && 'writeHead' in value;
}

function isUpgradeSocket(value: unknown): value is UpgradeSocket {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'end' in value;
}
