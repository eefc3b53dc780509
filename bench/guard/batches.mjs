import { once } from 'node:events';
import net from 'node:net';
import { KEY_HEADER, PATH } from '../lib/app.mjs';

const SOCKETS = 10;
/** Few enough to be warm in the caches when a guard is asked, as a request is that has just come. */
const SIZE = 100;
const RESPONSE = Buffer.from('HTTP/1.1 ');

/**
 * Real requests through a real server, held where a guard stands: each of a batch has a request, a response and an
 * execution context of its own, as Nest and the adapter made them, and no guard has seen it yet.
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

  /** The guard that holds them. */
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

  /** Sends a batch, hands its contexts over, then lets the requests go on and waits until they are answered. */
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

  /** A status line that is cut by the end of a chunk would be missed: the answers are short, and are not written in parts. */
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
