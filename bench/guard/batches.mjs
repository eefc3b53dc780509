import { once } from 'node:events';
import net from 'node:net';
import { KEY_HEADER, PATH } from '../lib/app.mjs';

const SOCKETS = 10;
/** Small enough to be warm in the caches when the guard runs, like a request that has just arrived. */
const SIZE = 100;
const RESPONSE = Buffer.from('HTTP/1.1 ');

/**
 * Real requests through a real server, held in a guard. Each request of a batch has its own request, response and
 * execution context, created by Nest and the adapter, and no guard has seen it yet.
 */
export class Batches {
  #contexts = [];
  #release = withResolvers();
  #sockets = [];
  #answered = 0;
  #sent = 0;
  #changed = () => {};
  #clients;

  /** @param {number} clients who send in turn */
  constructor(clients) {
    this.#clients = clients;
  }

  /** The guard that holds the requests. */
  guard = {
    canActivate: (context) => {
      this.#contexts.push(context);
      this.#changed();
      return this.#release.promise;
    },
  };

  async connect(port) {
    for (let i = 0; i < SOCKETS; i++) {
      const socket = net.connect(port, '127.0.0.1').setNoDelay();
      await once(socket, 'connect');
      socket.on('data', (chunk) => this.#count(chunk));
      this.#sockets.push(socket);
    }
  }

  /** Sends a batch, passes its contexts to `work`, then lets the requests go on and waits for the responses. */
  async next(work) {
    for (const socket of this.#sockets) {
      const requests = Array.from({ length: SIZE / SOCKETS }, () =>
        requestOf(`client-${this.#sent++ % this.#clients}`),
      );
      socket.write(requests.join(''));
    }
    await this.#until(() => this.#contexts.length === SIZE);
    const contexts = this.#contexts;
    const result = await work(contexts);
    this.#contexts = [];
    this.#answered = 0;
    const { resolve } = this.#release;
    this.#release = withResolvers();
    resolve(true);
    await this.#until(() => this.#answered === SIZE);
    return result;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Counts responses. A status line that is split over two chunks would be missed, but the responses are short and
   * written at once.
   */
  #count(chunk) {
    for (let at = chunk.indexOf(RESPONSE); at >= 0; at = chunk.indexOf(RESPONSE, at + 1)) this.#answered += 1;
    this.#changed();
  }

  #until(isSo) {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (!isSo()) return;
        this.#changed = () => {};
        resolve();
      };
      this.#changed();
    });
  }
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function requestOf(client) {
  return `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: bench\r\n${KEY_HEADER}: ${client}\r\n\r\n`;
}
