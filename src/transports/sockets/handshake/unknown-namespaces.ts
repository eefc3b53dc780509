import type { ConnectionRefusal } from './connection-refusal.js';
import type { Engine, EngineSession } from './engine.js';

/** Decides whether a session may request a namespace that does not exist. Does not reject. */
type DecideUnknown = (session: EngineSession) => Promise<ConnectionRefusal | undefined>;

/** The part of a socket.io server in use. */
interface IoServer {
  readonly encoder: { encode(packet: object): readonly unknown[] };
  /**
   * Looks for a namespace that does not exist yet. Called while the packet that requests it is parsed. A private
   * method.
   */
  _checkNamespace(name: string, auth: unknown, done: (namespace: unknown) => void): void;
}

/** The type of a socket.io packet that refuses a namespace. */
const CONNECT_ERROR = 4;

/** Makes a server call `decide` before it responds that a namespace does not exist. */
export function filterUnknownNamespaces(server: object, engine: Engine, decide: DecideUnknown): void {
  if (!isIoServer(server)) return;
  /** The session whose packet is being parsed. */
  let current: EngineSession | undefined;
  engine.on('connection', (session) => {
    session.prependListener('data', () => {
      current = session;
    });
  });
  const check = server._checkNamespace.bind(server);
  server._checkNamespace = (name, auth, done) => {
    const session = current;
    check(name, auth, async (namespace) => {
      const refusal = namespace || session === undefined ? undefined : await decide(session);
      if (refusal === undefined) return done(namespace);
      const { message, data } = refusal;
      const packet = { type: CONNECT_ERROR, nsp: name, data: { message, data } };
      for (const encoded of server.encoder.encode(packet)) session?.write(encoded);
    });
  };
}

function isIoServer(server: object): server is IoServer {
  return typeof Reflect.get(server, '_checkNamespace') === 'function' && 'encoder' in server;
}
