import { within } from './with-timeout.js';
import { WsSocket } from './ws-client.js';

export const ENGINE_PATH = '/socket.io/?EIO=4&transport=websocket';

/** A client that implements the protocols of engine.io and socket.io itself, so that it can violate them. */
export class EngineSocket {
  readonly #socket: WsSocket;

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    this.#socket = new WsSocket(port, { path: ENGINE_PATH, headers });
  }

  /** Opens a session that has joined no namespace. Rejects with `Refused`. */
  static async open(port: number, headers?: Readonly<Record<string, string>>): Promise<EngineSocket> {
    const socket = new EngineSocket(port, headers);
    await socket.opened();
    return socket;
  }

  async opened(): Promise<void> {
    await this.#socket.opened();
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /** The received packets, as strings. */
  get heard(): readonly string[] {
    return this.#socket.received.map(({ data }) => String(data));
  }

  send(packet: string): void {
    this.#socket.sendRaw(packet);
  }

  /** Returns the next packet of this form, skipping others. */
  async next(form: string | RegExp): Promise<string> {
    const found = async () => {
      for (;;) {
        const packet = String((await this.#socket.next()).data);
        if (typeof form === 'string' ? packet.startsWith(form) : form.test(packet)) return packet;
      }
    };
    return within(found(), () => `a packet ${form}`);
  }

  /** Joins a namespace, and returns the server's response. */
  async join(namespace: string, auth?: object): Promise<{ readonly packet: string; readonly data: unknown }> {
    const where = namespace === '/' ? '' : `${namespace},`;
    this.send(`40${where}${auth === undefined ? '' : JSON.stringify(auth)}`);
    const packet = await this.next(/^4[04]/);
    return { packet, data: JSON.parse(packet.slice(packet.indexOf('{'))) };
  }

  get closed(): Promise<unknown> {
    return this.#socket.closed;
  }

  /** Cuts the connection like a network failure. */
  async drop(): Promise<void> {
    await this.#socket.drop();
  }
}
