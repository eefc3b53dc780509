import { sharedState } from '../../core/copies.js';

const PROBLEM_JSON = 'application/problem+json';

/** The bodies that are problem details (RFC 9457). */
const problems = sharedState('problem-bodies', () => new WeakSet<object>());

type Send = (this: object, body: unknown) => unknown;

/** The methods that send an object: Express's response has `json`, Fastify's reply `send`. */
interface Sender {
  json?: Send;
  send?: Send;
  setHeader?(name: string, value: string): unknown;
  header?(name: string, value: string): unknown;
}

/**
 * Marks a body as problem details, and makes the response send it as such. The content type is set only when this body
 * is sent: the call may go on after its denial, and an exception filter may send another body.
 */
export function markProblem(body: object, response: object | undefined): void {
  problems.add(body);
  const sender = (response ?? {}) as Sender; // recognised by shape
  const method = typeof sender.json === 'function' ? 'json' : 'send';
  const send = sender[method];
  if (send === undefined) return;
  sender[method] = function (this: Sender, sent) {
    if (sent === body) (this.setHeader ?? this.header)?.call(this, 'Content-Type', PROBLEM_JSON);
    return send.call(this, sent);
  };
}

/** Returns the content type of a body, if it is problem details. */
export function problemTypeOf(body: unknown): typeof PROBLEM_JSON | undefined {
  return typeof body === 'object' && body !== null && problems.has(body) ? PROBLEM_JSON : undefined;
}
