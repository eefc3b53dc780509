import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';

const PATH = '/socket.io/?EIO=4&transport=polling';
/** Between the packets of a payload. */
const SEPARATOR = '\x1e';
const PING = '2';
const PONG = '3';

/** A session of socket.io by polling: one request that waits for packets, and one that posts them. */
export class PollingConnection {
  isOpen = true;
  acks = 0;
  notices = 0;
  /** When the session ended. */
  endedAt;
  #agent = new http.Agent({ keepAlive: true });
  #port;
  #path = PATH;
  #isPinged = false;
  #changes = () => {};

  static async open({ port }) {
    const connection = new PollingConnection(port);
    const handshake = await connection.#request('GET');
    connection.#path = `${PATH}&sid=${JSON.parse(handshake.slice(1)).sid}`;
    await connection.write('40');
    await connection.#request('GET');
    connection.#poll();
    return connection;
  }

  constructor(port) {
    this.#port = port;
  }

  /** Resolves when the server has handled all packets of a payload: only then it responds. */
  async write(payload) {
    if (!this.isOpen) return;
    // A session may have one POST at a time.
    const body = this.#isPinged ? PONG + SEPARATOR + payload : payload;
    this.#isPinged = false;
    if ((await this.#request('POST', body)) !== 'ok') this.#end();
  }

  payload(messages) {
    return messages.join(SEPARATOR);
  }

  /** Each write has been read when it resolves. */
  async allRead() {}

  changed() {
    return new Promise((resolve) => {
      this.#changes = resolve;
    });
  }

  destroy() {
    this.isOpen = false;
    this.#agent.destroy();
  }

  async #poll() {
    while (this.isOpen) {
      const payload = await this.#request('GET').catch(() => undefined);
      if (payload === undefined) return this.#end();
      for (const packet of payload.split(SEPARATOR)) this.#onPacket(packet);
      this.#changes();
    }
  }

  #onPacket(packet) {
    if (packet.startsWith('43')) this.acks += 1;
    else if (packet.includes('"rate_limit"')) this.notices += 1;
    else if (packet === PING) this.#isPinged = true;
  }

  async #request(method, body) {
    const request = http.request({ port: this.#port, path: this.#path, method, agent: this.#agent });
    request.end(body);
    const [response] = await once(request, 'response');
    return text(response);
  }

  #end() {
    this.isOpen = false;
    this.endedAt ??= performance.now();
    this.#changes();
  }
}
