// The second process: sockets that send the next message when the previous one has its response, with several in
// flight.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { answer } from '../lib/child.mjs';

const SOCKETS = 20;
/** Messages in flight per socket; fewer than the library lets wait for a backend. */
const UNDER_WAY = 8;

let answered = 0;
let isOver = false;

const OPEN = {
  async ws(port) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, 'open');
    const text = JSON.stringify({ event: 'echo', data: { text: 'hello' } });
    socket.on('message', (data) => {
      if (!data.includes('"echo"')) throw new Error(`expected an echo, got ${data}`);
      answered += 1;
      if (!isOver) socket.send(text);
    });
    return { send: () => socket.send(text), close: () => socket.terminate() };
  },

  async 'socket.io'(port) {
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
    const send = () =>
      socket.emit('echo', { text: 'hello' }, (data) => {
        if (data.text !== 'hello') throw new Error(`expected an echo, got ${JSON.stringify(data)}`);
        answered += 1;
        if (!isOver) send();
      });
    return { send, close: () => socket.disconnect() };
  },
};

let sockets = [];

answer({
  async open({ transport, port }) {
    sockets = await Promise.all(Array.from({ length: SOCKETS }, () => OPEN[transport](port)));
    for (const { send } of sockets) for (let i = 0; i < UNDER_WAY; i++) send();
  },

  /** Lets so many messages be answered. */
  async warmUp({ messages }) {
    const before = answered;
    while (answered - before < messages) await pause(20);
  },

  /** Returns the number of responses in `forMs` milliseconds. */
  async watch({ forMs }) {
    const before = answered;
    const startedAt = performance.now();
    await pause(forMs);
    return { messages: answered - before, perSecond: ((answered - before) * 1000) / (performance.now() - startedAt) };
  },

  close() {
    isOver = true;
    for (const { close } of sockets) close();
  },
});
