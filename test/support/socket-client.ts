import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { withoutPartitionKeys } from './header-fields.js';
import { within } from './with-timeout.js';

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * ws: the path and query of the upgrade, by default `/`. socket.io: the path of its engine, by default `/socket.io`.
   */
  readonly path?: string;
  /** socket.io only; with its slash: `/chat`. */
  readonly namespace?: string;
  /** socket.io only. */
  readonly auth?: Readonly<Record<string, unknown>>;
  /** socket.io only. Default: `['websocket']`. */
  readonly transports?: readonly ('polling' | 'websocket')[];
}

export interface Message {
  /** Empty for a frame of ws that is not an event with data. */
  readonly event: string;
  readonly data: unknown;
}

export interface Closed {
  /** `null` on socket.io, which has no codes. */
  readonly code: number | null;
  readonly reason: string;
}

/** The error for a client that the server refused. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** The status of the handshake's response; `null` if socket.io refused a client after it. */
  readonly status: number | null;
  /** ws only, because the client of socket.io does not expose them. */
  readonly headers: IncomingHttpHeaders;
  /** ws only. */
  readonly body: string;
  /** The data in the error of a socket.io middleware. */
  readonly data: unknown;

  constructor(message: string, { status = null, headers = {}, body = '', data }: Partial<Omit<Refused, keyof Error>>) {
    super(message);
    this.status = status;
    this.headers = withoutPartitionKeys(headers);
    this.body = body;
    this.data = data;
  }
}

/** The events of the harness itself: no client sees them among its messages. */
export const PING = 'harness:ping';
export const PONG = 'harness:pong';

/** A real client of a real server. */
export abstract class TestSocket {
  /** All received messages, in order. */
  readonly received: Message[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #taken = 0;
  #pings = 0;
  #pongs = 0;
  #closed: Closed | undefined;

  abstract readonly isOpen: boolean;

  /** Resolves when the server has accepted the client, or rejects with {@link Refused}. */
  abstract opened(): Promise<void>;

  /** Sends an event. Throws if the socket is not open, since the message would be lost. */
  send(event: string, data?: unknown): void {
    if (!this.isOpen) throw new Error(`Cannot send "${event}": the socket is not open`);
    this.emit(event, data);
  }

  /** Sends a raw frame; ws only. */
  abstract sendRaw(frame: string | Buffer): void;

  /** Sends an event and waits for its acknowledgement; socket.io only. */
  abstract ask(event: string, data?: unknown): Promise<unknown>;

  /** The oldest message that was not taken yet. */
  async next(): Promise<Message> {
    await this.#until(() => this.received.length > this.#taken, 'another message');
    return this.received[this.#taken++] as Message;
  }

  /**
   * Resolves when the server has handled all earlier messages, and its responses have arrived. A handler may wait for
   * promises and for ten turns of the event loop; if it waits for a timer or another server, use `next`. A limit of
   * frames counts this as one more frame.
   */
  async settled(): Promise<void> {
    const ping = ++this.#pings;
    this.send(PING, ping);
    await this.#until(() => this.#pongs >= ping, `the answer to ${PING}`);
  }

  /** How the connection ended, on either side. */
  get closed(): Promise<Closed> {
    return this.#end();
  }

  /** Closes the connection, and waits for the closing handshake. */
  abstract close(): Promise<void>;

  /** Ends the connection, or the attempt, in any state, and frees its resources. */
  abstract drop(): Promise<void>;

  protected abstract emit(event: string, data: unknown): void;

  protected onMessage(message: Message): void {
    if (message.event === PONG) this.#pongs = Number(message.data);
    else this.received.push(message);
    this.#changes.emit('change');
  }

  protected onClosed(closed: Closed): void {
    this.#closed = closed;
    this.#changes.emit('change');
  }

  async #end(): Promise<Closed> {
    const ended = async () => {
      while (this.#closed === undefined) await once(this.#changes, 'change');
      return this.#closed;
    };
    return within(ended(), () => this.#describe('the end of the connection'));
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const changed = async () => {
      while (!isSo()) {
        if (this.#closed !== undefined) throw new Error(`Closed while waiting for ${this.#describe(what)}`);
        await once(this.#changes, 'change');
      }
    };
    await within(changed(), () => this.#describe(what));
  }

  #describe(what: string): string {
    const closed = this.#closed === undefined ? '' : `; closed: ${JSON.stringify(this.#closed)}`;
    return `${what}; received: ${JSON.stringify(this.received)}${closed}`;
  }
}
