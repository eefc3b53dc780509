import { memberAt } from '../../identity/member-path.js';

/** The part of socket.io's engine in use: it makes the sessions that namespaces share. */
export interface Engine {
  on(event: 'connection', listener: (connection: object) => void): unknown;
}

/** Returns the engine of a socket.io server, or of the server of a namespace. */
export function engineOf(server: object): Engine | undefined {
  const engine = memberAt(server, ['engine']) ?? memberAt(server, ['server', 'engine']);
  return isEngine(engine) ? engine : undefined;
}

function isEngine(engine: unknown): engine is Engine {
  return typeof engine === 'object' && engine !== null && 'on' in engine && 'opts' in engine;
}
