import { randomBytes } from 'node:crypto';

const subjects = new WeakMap<object, string>();
/** Tells the processes of a fleet apart. Process ids cannot: in containers they are all alike. */
const PROCESS = randomBytes(9).toString('base64url');
let count = 0;

/** Returns the subject of a client's connection: the same for each of its messages, and unique across processes. */
export function connectionSubject(client: object): string {
  let subject = subjects.get(client);
  if (subject === undefined) {
    subject = `conn:${PROCESS}-${++count}`;
    subjects.set(client, subject);
  }
  return subject;
}
