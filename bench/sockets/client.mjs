// The second process: sockets that send the next message when the previous one has its response, with several in
// flight. It is the client of all servers, so that all of them are sent messages at the same pace.
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { answer } from '../lib/child.mjs';

const SOCKETS = 20;
/** Messages in flight per socket; fewer than the library lets wait for a backend. */
const UNDER_WAY = 8;

/** Opens a socket. Returns its `send`; `onAnswer` is called for each response. */
const OPEN = {
  async ws(port, onAnswer) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, 'open');
    const text = JSON.stringify({ event: 'echo', data: { text: 'hello' } });
    const send = () => socket.send(text);
    socket.on('message', (data) => {
      if (!data.includes('"echo"')) throw new Error(`expected an echo, got ${data}`);
      onAnswer(send);
    });
    return send;
  },

  async 'socket.io'(port, onAnswer) {
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
    const send = () =>
      socket.emit('echo', { text: 'hello' }, (data) => {
        if (data.text !== 'hello') throw new Error(`expected an echo, got ${JSON.stringify(data)}`);
        onAnswer(send);
      });
    return send;
  },
};

/** The sockets to one server. */
class Sockets {
  #sends;
  #toSend = 0;
  #toCome = 0;
  #end;

  async open({ transport, port }) {
    const onAnswer = (send) => this.#onAnswer(send);
    this.#sends = await Promise.all(Array.from({ length: SOCKETS }, () => OPEN[transport](port, onAnswer)));
  }

  /** Sends so many messages. Resolves when all of them have been answered. */
  send(messages) {
    this.#toSend = this.#toCome = messages;
    return new Promise((resolve) => {
      this.#end = resolve;
      for (const send of this.#sends) for (let i = 0; i < UNDER_WAY; i++) this.#sendNext(send);
    });
  }

  #onAnswer(send) {
    this.#toCome -= 1;
    if (this.#toCome === 0) this.#end();
    else this.#sendNext(send);
  }

  #sendNext(send) {
    if (this.#toSend === 0) return;
    this.#toSend -= 1;
    send();
  }
}

const servers = new Map();

answer({
  async open({ transport, port }) {
    const sockets = new Sockets();
    servers.set(port, sockets);
    await sockets.open({ transport, port });
  },

  /** Returns the seconds that a server takes for so many messages. */
  async send({ port, messages }) {
    const startedAt = performance.now();
    await servers.get(port).send(messages);
    return (performance.now() - startedAt) / 1000;
  },
});
