import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { withoutPartitionKeys } from './header-fields.js';
import { within } from './with-timeout.js';

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** ws: the path and query of the upgrade, `/` unless told. socket.io: the path of its engine, `/socket.io` unless told. */
  readonly path?: string;
  /** socket.io only; with its slash: `/chat`. */
  readonly namespace?: string;
  /** socket.io only. */
  readonly auth?: Readonly<Record<string, unknown>>;
  /** socket.io only; `['websocket']` unless told. */
  readonly transports?: readonly ('polling' | 'websocket')[];
}

export interface Message {
  /** Empty for a frame of ws that is something else than an event with its data. */
  readonly event: string;
  readonly data: unknown;
}

export interface Closed {
  /** `null` on socket.io, which has no codes. */
  readonly code: number | null;
  readonly reason: string;
}

/** The server did not let a client in. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** Of the answer to the handshake; `null` where socket.io refused a client after it. */
  readonly status: number | null;
  /** ws only: the client of socket.io does not tell. */
  readonly headers: IncomingHttpHeaders;
  /** ws only. */
  readonly body: string;
  /** What the error of a socket.io middleware carries. */
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
  /** All that came, in order. */
  readonly received: Message[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #taken = 0;
  #pings = 0;
  #pongs = 0;
  #closed: Closed | undefined;

  abstract readonly isOpen: boolean;

  /** Settles when the server has let the client in, or rejects with {@link Refused}. */
  abstract opened(): Promise<void>;

  /** Sends an event; throws where the socket is not open, since the message would be lost. */
  send(event: string, data?: unknown): void {
    if (!this.isOpen) throw new Error(`Cannot send "${event}": the socket is not open`);
    this.emit(event, data);
  }

  /** Sends a frame as it is; ws only. */
  abstract sendRaw(frame: string | Buffer): void;

  /** Sends an event and waits for its acknowledgement; socket.io only. */
  abstract ask(event: string, data?: unknown): Promise<unknown>;

  /** The oldest message that was not taken yet. */
  async next(): Promise<Message> {
    await this.#until(() => this.received.length > this.#taken, 'another message');
    return this.received[this.#taken++] as Message;
  }

  /**
   * Settles when the server has handled all that was sent before, and its answers are there. A handler may wait for
   * promises and for ten turns of the event loop; where it waits for a timer or another server, use `next`.
   * To a limit on all frames of a connection this is one more frame.
   */
  async settled(): Promise<void> {
    const ping = ++this.#pings;
    this.send(PING, ping);
    await this.#until(() => this.#pongs >= ping, `the answer to ${PING}`);
  }

  /** How the connection ended, by whomever. */
  get closed(): Promise<Closed> {
    return this.#end();
  }

  /** Takes leave of the server, and waits until that is through. */
  abstract close(): Promise<void>;

  /** Ends the connection, or the attempt at one, whatever its state; nothing of it stays behind. */
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
