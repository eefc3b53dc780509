import { randomBytes } from 'node:crypto';
import { sharedState } from '../../core/copies.js';

const connections = sharedState('connections', () => ({
  subjects: new WeakMap<object, string>(),
  count: 0,
  /** Identifies this process among those of a fleet. Process ids do not: in containers they are often equal. */
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
 * Returns the id of a socket.io client whose session can be recovered. The server generates it at random; it stays the
 * same after a recovery, even in another process. Such a client also has a private id, with which it requests the
 * recovery.
 */
function recoverableId(client: object): string | undefined {
  const { id, pid }: { readonly id?: unknown; readonly pid?: unknown } = client;
  return typeof pid === 'string' && typeof id === 'string' ? id : undefined;
}
