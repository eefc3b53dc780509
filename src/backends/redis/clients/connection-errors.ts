import { types } from 'node:util';
import { systemClock } from '../../../core/clock.js';
import { sharedState } from '../../../core/copies.js';
import { BackendError } from '../../backend-error.js';
import { isStalled } from '../../resilience/deadline-queue.js';
import type { RedisClient } from './redis-client.js';
import { backendErrorOf } from './reply-errors.js';

/** Codes of calls that got no reply: the connection may tell why. */
const WITHOUT_REPLY = ['CONNECTION', 'TIMEOUT'];
/** Milliseconds for which an error of a Cluster's node counts: nothing says when the node is well again. */
const NODE_ERROR_MS = 5000;

const known = sharedState('connection-errors', () => new WeakMap<RedisClient, ConnectionErrors>());

/**
 * Remembers why a client has no connection. A client reports it in its events alone, and rejects the calls with "not
 * writeable", or leaves them without a reply: a wrong password, a host that does not exist and a server that is down
 * would all look alike.
 */
export class ConnectionErrors {
  /** The server as errors call it: `Redis at 127.0.0.1:6379`. Without user and password. */
  readonly server: string;
  #cause: BackendError | undefined;
  /** By address. */
  readonly #ofNodes = new Map<string, { readonly error: BackendError; readonly atMs: number }>();

  private constructor(private readonly client: RedisClient) {
    this.server = `Redis at ${addressOf(client)}`;
    client.on?.('error', (error) => this.#note(error));
    client.on?.('node error', (error, address) => this.#noteOfNode(error, address));
    client.on?.('ready', () => this.#forget());
    for (const node of client.nodes?.('master') ?? []) handleAsking(node);
    client.on?.('+node', handleAsking);
  }

  /** Returns the errors of a client. Backends with the same client share them, and their listeners. */
  static of(client: RedisClient): ConnectionErrors {
    let errors = known.get(client);
    if (errors === undefined) {
      errors = new ConnectionErrors(client);
      known.set(client, errors);
    }
    return errors;
  }

  /**
   * Returns the error of a call with the server's address, and with what is known of the connection. Any other error
   * stays.
   */
  explain(error: unknown, node?: string): unknown {
    if (!(error instanceof BackendError)) return error;
    const cause = WITHOUT_REPLY.includes(error.code) ? this.#causeOf(node) : undefined;
    const { code, message, transient } = cause ?? error;
    const status = cause === undefined && code === 'CONNECTION' ? this.#status() : '';
    const domain = error.domain === undefined ? {} : { domain: error.domain };
    const server = node === undefined ? this.server : `Redis at ${node}`;
    const text = message.startsWith(server) ? message : `${server}: ${message}${status}`;
    return new BackendError(code, text, transient, domain);
  }

  /**
   * Resolves with true when the client is connected; with false if it reports an error, or after `waitMs`. If the event
   * loop was stalled during the wait, as it is while an application starts, it waits once more for as long.
   */
  opensWithin(waitMs: number): Promise<boolean> {
    const { client } = this;
    if (client.once === undefined || client.off === undefined || this.#cause !== undefined)
      return Promise.resolve(false);
    if (client.status === 'ready') return Promise.resolve(true);
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const end = (isOpen: boolean) => {
        clearTimeout(timer);
        client.off?.('ready', open);
        client.off?.('error', fail);
        resolve(isOpen);
      };
      const open = () => end(true);
      const fail = () => end(false);
      const startTimer = (mayRenew: boolean) => {
        const dueMs = systemClock.now() + waitMs;
        timer = setTimeout(() => {
          if (mayRenew && isStalled(dueMs, systemClock.now())) startTimer(false);
          // After a stall, timers run before sockets are read: a connection that is there is seen first.
          else setImmediate(fail);
        }, waitMs);
      };
      startTimer(true);
      client.once?.('ready', open);
      client.once?.('error', fail);
    });
  }

  #causeOf(node: string | undefined): BackendError | undefined {
    const own = node === undefined ? undefined : this.#ofNodes.get(node);
    if (own !== undefined && systemClock.now() - own.atMs < NODE_ERROR_MS) return own.error;
    return this.#cause;
  }

  #note(error: unknown): void {
    // A Cluster that reached none of its nodes says in it why the last one refused.
    const last: unknown = types.isNativeError(error) ? Reflect.get(error, 'lastNodeError') : undefined;
    this.#cause = causeOf(last ?? error);
  }

  #noteOfNode(error: unknown, address: unknown): void {
    if (this.#ofNodes.size > 1000) this.#ofNodes.clear();
    this.#ofNodes.set(String(address), { error: causeOf(error), atMs: systemClock.now() });
  }

  #forget(): void {
    this.#cause = undefined;
    this.#ofNodes.clear();
  }

  #status(): string {
    const { status } = this.client;
    return status === undefined || status === 'ready' ? '' : ` (status of the client: ${status})`;
  }
}

/**
 * Returns what a client reports as the reason that there is no connection. Messages of Node's errors have address and
 * reason.
 */
function causeOf(error: unknown): BackendError {
  const isOfNode = types.isNativeError(error) && typeof Reflect.get(error, 'code') === 'string';
  return isOfNode
    ? new BackendError('CONNECTION', error.message || String(Reflect.get(error, 'code')))
    : backendErrorOf(error);
}

/**
 * Returns host and port that a client was made with: of a Sentinel the name of the master, of a Cluster the nodes to
 * start with.
 */
function addressOf(client: RedisClient): string {
  const { options = {} } = client;
  const [name, path, host, port] = ['name', 'path', 'host', 'port'].map((member): unknown =>
    Reflect.get(options, member),
  );
  if (client.isCluster === true) return startupAddresses(client).join(', ') || 'a Cluster';
  if (Array.isArray(Reflect.get(options, 'sentinels'))) return `${name} (Sentinel)`;
  return path ? String(path) : `${host ?? 'localhost'}:${port ?? 6379}`;
}

function startupAddresses(client: RedisClient): readonly string[] {
  const nodes: unknown = Reflect.get(client, 'startupNodes');
  if (!Array.isArray(nodes)) return [];
  return nodes.slice(0, 3).map((node: unknown) => {
    if (typeof node === 'string') return withoutSecrets(node);
    const [host, port] = ['host', 'port'].map((member): unknown => Reflect.get(Object(node), member));
    return typeof node === 'number' ? `localhost:${node}` : `${host ?? 'localhost'}:${port ?? 6379}`;
  });
}

/** Returns host and port of a URL. */
function withoutSecrets(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'an address';
  }
}

/**
 * Handles the rejection of ASKING on a node of a Cluster. ioredis sends it to the master that a slot moves to, and does
 * not look at its promise: without a connection to that master, the rejection is left unhandled and ends the process.
 */
function handleAsking(node: unknown): void {
  const asking: unknown = Reflect.get(Object(node), 'asking');
  if (typeof asking !== 'function') return;
  Reflect.set(Object(node), 'asking', (...args: unknown[]): unknown => {
    const answer: unknown = Reflect.apply(asking, node, args);
    Promise.resolve(answer).catch(() => undefined);
    return answer;
  });
}
