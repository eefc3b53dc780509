// The client of scripts/flood.mjs: one connection, over which it sends messages as fast as possible.
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.mjs';
import { Connection } from './connection.mjs';
import { PollingConnection } from './polling-connection.mjs';

/** The number of messages per write. */
const CHUNK = 1000;
/** The time without input after which it stops waiting for acknowledgements. */
const QUIET_MS = 1000;

let connection;
let transport;

answer({ connect, warm, flood });

/** @param about.isRude true to go on sending after the server has sent a close frame */
async function connect(about) {
  connection?.destroy();
  connection = await (about.transport === 'polling' ? PollingConnection : Connection).open(about);
  transport = about.transport;
}

/** Sends `count` messages, a hundred at a time, each hundred after the previous one has been read. */
async function warm({ count }) {
  const hundred = messages(100);
  for (let sent = 0; sent < count && connection.isOpen; sent += 100) {
    await connection.write(hundred);
    await connection.allRead();
  }
}

/**
 * Sends messages as fast as possible, for `ms` milliseconds or up to `count`, and until the server has read all of
 * them. Returns what it received, and the times of the close frame and of the end of the connection.
 */
async function flood({ ms, count, giveUpMs }) {
  const chunk = messages(CHUNK);
  const startedAt = performance.now();
  const since = (at) => at && at - startedAt;
  let sent = 0;
  const all = async () => {
    while (connection.isOpen && sent < count && performance.now() - startedAt < ms) {
      sent += CHUNK;
      await connection.write(chunk);
    }
    await connection.allRead();
    if (transport !== 'ws') await allAcknowledged(sent);
  };
  await Promise.race([all(), pause(giveUpMs, undefined, { ref: false })]);
  const { acks, notices, toldAt, endedAt } = connection;
  const tookMs = performance.now() - startedAt;
  return {
    sent,
    acks,
    notices,
    tookMs,
    toldMs: since(toldAt),
    endedMs: since(endedAt),
    bytesEach: chunk.length / CHUNK,
  };
}

/** Returns messages of the same length. On socket.io each requests an acknowledgement. */
function messages(count) {
  const one = (i) =>
    transport === 'ws'
      ? `{"event":"say","data":"${i % 10} bottles"}`
      : `42${String(i).padStart(4, '1')}["say","${i % 10} bottles"]`;
  return connection.payload(Array.from({ length: count }, (_, i) => one(i)));
}

async function allAcknowledged(sent) {
  let isQuiet = false;
  while (connection.isOpen && connection.acks < sent && !isQuiet) {
    const { acks } = connection;
    await Promise.race([connection.changed(), pause(QUIET_MS)]);
    isQuiet = connection.acks === acks;
  }
}
