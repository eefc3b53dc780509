import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { type ConnectOptions, type Message, Refused, TestSocket } from './socket-client.js';
import { within } from './with-timeout.js';

/** A client of the package `ws`; its messages are frames of JSON, `{ event, data }`. */
export class WsSocket extends TestSocket {
  readonly #client: WebSocket;
  readonly #opening: Promise<void>;

  constructor(port: number, { headers = {}, path = '/' }: ConnectOptions) {
    super();
    this.#client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    this.#client.on('message', (frame) => this.onMessage(parse(String(frame))));
    this.#client.on('close', (code, reason) => this.onClosed({ code, reason: String(reason) }));
    this.#opening = new Promise((resolve, reject) => {
      this.#client.on('open', resolve);
      this.#client.on('error', reject);
      this.#client.on('unexpected-response', (_request, response) => {
        readText(response).then((body) => reject(refused(response, body)), reject);
      });
    });
  }

  get isOpen(): boolean {
    return this.#client.readyState === WebSocket.OPEN;
  }

  async opened(): Promise<void> {
    await within(this.#opening, () => `${this.#client.url} to open`);
  }

  sendRaw(frame: string | Buffer): void {
    if (!this.isOpen) throw new Error('Cannot send a frame: the socket is not open');
    this.#client.send(frame);
  }

  async ask(event: string): Promise<unknown> {
    throw new Error(`Cannot ask for "${event}": ws has no acknowledgements; use send and next`);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.closed;
  }

  async drop(): Promise<void> {
    this.#client.terminate();
    await this.closed;
  }

  protected emit(event: string, data: unknown): void {
    this.#client.send(JSON.stringify({ event, data }));
  }
}

/** Nothing is left out unseen: what is more than an event with its data comes whole, as data. */
function parse(frame: string): Message {
  try {
    const parsed: unknown = JSON.parse(frame);
    return isMessage(parsed) ? { event: parsed.event, data: parsed.data } : { event: '', data: parsed };
  } catch {
    return { event: '', data: frame };
  }
}

function isMessage(parsed: unknown): parsed is Message {
  if (typeof parsed !== 'object' || parsed === null) return false;
  const { event, data: _, ...more } = parsed as Partial<Message>;
  return typeof event === 'string' && Object.keys(more).length === 0;
}

/** Up to where the connection ends, even where the server cuts it. */
async function readText(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part) => {
      text += part;
    });
    response.on('error', () => {});
    response.on('close', () => resolve(text));
  });
}

function refused({ statusCode = 0, headers }: IncomingMessage, body: string): Refused {
  return new Refused(`The upgrade was answered with ${statusCode}: ${body}`, { status: statusCode, headers, body });
}
