// The client of scripts/flood.mjs: one connection, over which messages go as fast as it takes them.
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './child.mjs';
import { Connection } from './connection.mjs';
import { frame, PING, TEXT } from './frames.mjs';

/** Messages that are written at once. */
const CHUNK = 1000;
/** For so long nothing has to come until no more acknowledgements are waited for. */
const QUIET_MS = 1000;

let connection;

answer({ connect, warm, flood });

/** @param about.isRude whether messages go on after the server has said that it closes */
async function connect(about) {
  connection?.destroy();
  connection = await Connection.open(about);
}

/** So many messages, a hundred at a time, each hundred once the one before has been read. */
async function warm({ count }) {
  const hundred = messages(100);
  for (let sent = 0; sent < count && connection.isOpen; sent += 100) {
    await connection.write(hundred);
    await allRead();
  }
}

/**
 * Messages as fast as the connection takes them, for so long or up to so many, and until the server has read all of them.
 * Tells what came back, and after how long the end was told and had come.
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
    await allRead();
    if (connection.transport === 'socket.io') await allAcknowledged(sent);
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

/** All alike in length. On socket.io each asks to be acknowledged. */
function messages(count) {
  const one = (i) =>
    connection.transport === 'ws'
      ? `{"event":"say","data":"${i % 10} bottles"}`
      : `42${String(i).padStart(4, '1')}["say","${i % 10} bottles"]`;
  return Buffer.concat(Array.from({ length: count }, (_, i) => frame(TEXT, one(i))));
}

/** Resolves when the server has read all that was written, or the connection has ended. */
async function allRead() {
  const { pongs } = connection;
  await connection.write(frame(PING, ''));
  while (connection.endedAt === undefined && connection.pongs === pongs) await connection.changed();
}

async function allAcknowledged(sent) {
  let isQuiet = false;
  while (connection.isOpen && connection.acks < sent && !isQuiet) {
    const { acks } = connection;
    await Promise.race([connection.changed(), pause(QUIET_MS)]);
    isQuiet = connection.acks === acks;
  }
}
