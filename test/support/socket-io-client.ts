import { io, type Socket } from 'socket.io-client';
import { type ConnectOptions, Refused, TestSocket } from './socket-client.js';
import { within } from './with-timeout.js';

/** A client of socket.io with a connection of its own, which is never tried again. */
export class IoSocket extends TestSocket {
  readonly #client: Socket;
  readonly #opening: Promise<void>;

  constructor(
    port: number,
    { headers = {}, path = '/socket.io', namespace = '/', auth = {}, transports = ['websocket'] }: ConnectOptions,
  ) {
    super();
    this.#client = io(`http://127.0.0.1:${port}${namespace}`, {
      forceNew: true,
      reconnection: false,
      extraHeaders: { ...headers },
      path,
      auth: { ...auth },
      transports: [...transports],
    });
    this.#client.onAny((event: string, ...data: unknown[]) => this.onMessage({ event, data: oneOf(data) }));
    this.#client.on('disconnect', (reason) => this.onClosed({ code: null, reason }));
    this.#opening = new Promise((resolve, reject) => {
      this.#client.on('connect', resolve);
      this.#client.on('connect_error', (error) => reject(refused(error)));
    });
  }

  get isOpen(): boolean {
    return this.#client.connected;
  }

  async opened(): Promise<void> {
    await within(this.#opening, () => `socket.io to connect to ${this.#client.io.opts.path}`);
  }

  sendRaw(): void {
    throw new Error('Cannot send a frame: on socket.io use send');
  }

  async ask(event: string, data?: unknown): Promise<unknown> {
    if (!this.isOpen) throw new Error(`Cannot ask for "${event}": the socket is not open`);
    const answer = new Promise((resolve) => {
      this.#client.emit(event, ...argumentsOf(data), (...answers: unknown[]) => resolve(oneOf(answers)));
    });
    return within(answer, () => `the acknowledgement of "${event}"`);
  }

  async close(): Promise<void> {
    await this.drop();
  }

  async drop(): Promise<void> {
    const { engine } = this.#client.io;
    this.#client.disconnect();
    // A client that polls says so in a request, and sets no timer aside before that is answered.
    const ended = new Promise((resolve) => engine.once('close', resolve));
    if (engine.readyState !== 'closed') await within(ended, () => 'the engine of socket.io to close');
  }

  protected emit(event: string, data: unknown): void {
    this.#client.emit(event, ...argumentsOf(data));
  }
}

function argumentsOf(data: unknown): unknown[] {
  return data === undefined ? [] : [data];
}

function oneOf(values: readonly unknown[]): unknown {
  return values.length > 1 ? values : values[0];
}

/** The engine tells the status of a refused handshake as a number when it polls, else in the text of an event. */
function refused(error: Error & { readonly data?: unknown; readonly description?: unknown }): Refused {
  const { message, data, description } = error;
  if (typeof description !== 'object' || description === null)
    return new Refused(message, { status: Number(description) || null, data });
  const [, status] = (description as Error).message.match(/Unexpected server response: (\d+)/) ?? [];
  return new Refused(message, { status: Number(status) || null, data });
}
