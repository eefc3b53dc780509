// The second process: clients that send each request as soon as the previous one on their connection has its response.
import { once } from 'node:events';
import net from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { KEY_HEADER, PATH } from '../lib/app.mjs';
import { answer } from '../lib/child.mjs';

const CONNECTIONS = 64;
const OK = Buffer.from('HTTP/1.1 200');
/** The end of the response, whose body is JSON. It is so short that it arrives whole. */
const END = '}'.charCodeAt(0);

answer({
  /**
   * With `isAwake` this process never sleeps. If it sleeps, the application has to wake it for each response, which
   * costs it several microseconds on a virtual machine, and more the longer it slept. Clients on other machines cause
   * no such cost. If Redis runs on this machine as well, the core that stays awake is the one that Redis needs.
   *
   * @param {{ port: number, keys: number, seconds: number, isAwake: boolean }} about
   */
  async load({ port, keys, seconds, isAwake }) {
    const clients = Array.from({ length: keys }, (_, i) => requestOf(`client-${i}`));
    const latency = createHistogram();
    let requests = 0;
    let isOver = false;
    let failure;

    const open = async () => {
      const socket = net.connect(port, '127.0.0.1').setNoDelay();
      await once(socket, 'connect');
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        socket.write(clients[requests % keys]);
      };
      socket.on('error', (error) => {
        failure ??= error;
      });
      socket.on('data', (response) => {
        if (response.indexOf(OK) !== 0 || response.at(-1) !== END) {
          failure ??= new Error(`under load: expected a complete response with status 200, got ${response}`);
          return;
        }
        latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
        requests += 1;
        if (!isOver) send();
      });
      return { socket, send };
    };

    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, open));
    const stayAwake = () => {
      if (!isOver) setImmediate(stayAwake);
    };
    if (isAwake) stayAwake();
    const startedAt = performance.now();
    for (const { send } of connections) send();
    await pause(seconds * 1000);
    isOver = true;
    const took = performance.now() - startedAt;
    const figures = { requests, perSecond: (requests * 1000) / took };
    for (const { socket } of connections) socket.destroy();
    if (failure !== undefined) throw failure;
    return { ...figures, p50Ms: latency.percentile(50) / 1000, p99Ms: latency.percentile(99) / 1000 };
  },
});

function requestOf(client) {
  return `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: bench\r\n${KEY_HEADER}: ${client}\r\n\r\n`;
}
