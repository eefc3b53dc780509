import { randomBytes } from 'node:crypto';
import { sharedState } from '../../core/copies.js';

const connections = sharedState('connections', () => ({
  subjects: new WeakMap<object, string>(),
  count: 0,
  /** Tells the processes of a fleet apart. Process ids cannot: in containers they are all alike. */
  process: randomBytes(9).toString('base64url'),
}));

/** Returns the subject of a client's connection: the same for each of its messages, and unique across processes. */
export function connectionSubject(client: object): string {
  let subject = connections.subjects.get(client);
  if (subject === undefined) {
    subject = `conn:${recoverableId(client) ?? `${connections.process}-${++connections.count}`}`;
    connections.subjects.set(client, subject);
  }
  return subject;
}

/**
 * Returns the id of a socket.io client whose session can be recovered. It is random, made by the server, and the same after the
 * recovery, in another process, too. Such a client has a private id as well, by which it asks to be recovered.
 */
function recoverableId(client: object): string | undefined {
  const { id, pid }: { readonly id?: unknown; readonly pid?: unknown } = client;
  return typeof pid === 'string' && typeof id === 'string' ? id : undefined;
}
