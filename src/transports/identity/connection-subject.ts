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
    subject = `conn:${connections.process}-${++connections.count}`;
    connections.subjects.set(client, subject);
  }
  return subject;
}
