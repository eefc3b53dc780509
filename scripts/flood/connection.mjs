import { once } from 'node:events';
import http from 'node:http';
import { CLOSE, frame, frameReader, PONG, TEXT } from './frames.mjs';

const PATHS = { ws: '/', 'socket.io': '/socket.io/?EIO=4&transport=websocket' };

/** A connection to a server of ws, or of socket.io, and what came over it. */
export class Connection {
  isOpen = true;
  acks = 0;
  notices = 0;
  pongs = 0;
  /** When the server said that it closes, and when the connection was over. */
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
    // Engine.IO has shaken hands, and socket.io does for each namespace.
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

  /** Resolves when the connection takes more, or is closed. */
  async write(bytes) {
    if (!this.isOpen || this.#socket.write(bytes)) return;
    while (this.isOpen && this.#socket.writableNeedDrain) await this.changed();
  }

  /** Resolves when something has come, or gone. */
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
    // Of socket.io: connected, acknowledged.
    if (text.startsWith('40')) this.#isReady = true;
    else if (text.startsWith('43')) this.acks += 1;
    else if (text.includes('"rate_limit"')) this.notices += 1;
  }

  #onClose() {
    this.toldAt ??= performance.now();
    if (this.#isRude) return;
    // As a browser does: it answers, behind what it has sent already, and sends nothing more.
    this.isOpen = false;
    this.#socket.end(frame(CLOSE, ''));
  }

  #onEnd() {
    this.isOpen = false;
    this.endedAt = performance.now();
    this.#changes();
  }
}
