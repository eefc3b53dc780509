import { once } from 'node:events';
import http from 'node:http';
import { CLOSE, frame, frameReader, PING, PONG, TEXT } from './frames.mjs';

const PATHS = { ws: '/', 'socket.io': '/socket.io/?EIO=4&transport=websocket' };

/** A connection to a server of ws or socket.io, and what it has received. */
export class Connection {
  isOpen = true;
  acks = 0;
  notices = 0;
  pongs = 0;
  /** When the server sent its close frame, and when the connection ended. */
  toldAt;
  endedAt;
  #socket;
  #isRude;
  #isReady = false;
  #change;
  #changes = () => {};

  static async open({ port, transport, isRude = false }) {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': 13,
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    };
    const request = http.get({ host: '127.0.0.1', port, path: PATHS[transport], headers, agent: false });
    const [, socket, head] = await once(request, 'upgrade');
    const connection = new Connection(socket, head, transport, isRude);
    if (transport === 'ws') return connection;
    // The Engine.IO handshake is done; socket.io has another one per namespace.
    socket.write(frame(TEXT, '40'));
    while (!connection.#isReady) await connection.changed();
    return connection;
  }

  constructor(socket, head, transport, isRude) {
    this.transport = transport;
    this.#socket = socket;
    this.#isRude = isRude;
    const read = frameReader((opcode, payload) => this.#onFrame(opcode, payload));
    socket.on('data', (chunk) => {
      read(chunk);
      this.#changes();
    });
    socket.on('drain', () => this.#changes());
    socket.on('error', () => {});
    socket.on('close', () => this.#onEnd());
    read(head);
  }

  /** Resolves when the connection accepts more data, or is closed. */
  async write(bytes) {
    if (!this.isOpen || this.#socket.write(bytes)) return;
    while (this.isOpen && this.#socket.writableNeedDrain) await this.changed();
  }

  /** Returns messages as the bytes of a write. */
  payload(messages) {
    return Buffer.concat(messages.map((message) => frame(TEXT, message)));
  }

  /** Resolves when the server has read everything that was written, or the connection has ended. */
  async allRead() {
    const { pongs } = this;
    await this.write(frame(PING, ''));
    while (this.endedAt === undefined && this.pongs === pongs) await this.changed();
  }

  /** Resolves when something was received, or sent. */
  changed() {
    this.#change ??= new Promise((resolve) => {
      this.#changes = () => {
        this.#change = undefined;
        resolve();
      };
    });
    return this.#change;
  }

  destroy() {
    this.#socket.destroy();
  }

  #onFrame(opcode, payload) {
    if (opcode === PONG) this.pongs += 1;
    else if (opcode === CLOSE) this.#onClose();
    else if (opcode === TEXT) this.#onText(payload.toString('latin1'));
  }

  #onText(text) {
    // socket.io packets: connected, acknowledged.
    if (text.startsWith('40')) this.#isReady = true;
    else if (text.startsWith('43')) this.acks += 1;
    else if (text.includes('"rate_limit"')) this.notices += 1;
  }

  #onClose() {
    this.toldAt ??= performance.now();
    if (this.#isRude) return;
    // Like a browser, responds with a close frame after everything already sent, and sends nothing more.
    this.isOpen = false;
    this.#socket.end(frame(CLOSE, ''));
  }

  #onEnd() {
    this.isOpen = false;
    this.endedAt = performance.now();
    this.#changes();
  }
}
