import type { HttpRequest } from '../../call.js';
import { memberAt } from '../../member.js';

/** Decides whether a session may be opened: `success` false refuses it. */
type AllowRequest = (request: HttpRequest, done: (message: string | null, success: boolean) => void) => unknown;

/** A session: the connection that namespaces share. */
export interface EngineSession {
  /** The request that opened it; over WebTransport there is none. */
  readonly request?: HttpRequest | null;
  close(): void;
  prependListener(event: 'data', listener: () => void): unknown;
  write(packet: unknown): unknown;
}

/** The part of socket.io's engine in use. The engine opens sessions. */
export interface Engine {
  readonly opts: { allowRequest?: AllowRequest };
  on(event: 'connection', listener: (session: EngineSession) => void): unknown;
  emit(event: 'connection_error', details: object): unknown;
}

/** Returns the engine of a socket.io server, or of the server of a namespace. */
export function engineOf(server: object): Engine | undefined {
  const engine = memberAt(server, ['engine']) ?? memberAt(server, ['server', 'engine']);
  return isEngine(engine) ? engine : undefined;
}

/** Returns the server of a namespace, or the server itself. */
export function serverOf(server: object): object {
  const owner = 'of' in server ? undefined : memberAt(server, ['server']);
  return typeof owner === 'object' && owner !== null ? owner : server;
}

function isEngine(engine: unknown): engine is Engine {
  return typeof engine === 'object' && engine !== null && 'on' in engine && 'opts' in engine;
}
