import type { Clock } from '../../core/clock.js';
import type { HttpRequest } from '../call.js';
import { RATE_LIMIT, type RateLimitPayload } from './rate-limit-message.js';
import { closeClient, pauseUntilNextTurn, sendEvent } from './socket-client.js';

/** What all connections have in common. */
export interface ConnectionRules {
  /** Denied messages in a row at which a connection is closed. */
  readonly closeAfter: number;
  /** Milliseconds between notices to one connection. */
  readonly noticeEveryMs: number;
  /** Messages of one connection that may await a decision. */
  readonly maxPending: number;
}

/** What a message has done to the row of denials. */
export interface InRow {
  /** Whether it is a frame that nobody has read: what comes of its message is not known when it is let through. */
  readonly isFrame: boolean;
  isCounted: boolean;
  /** The row that it ended, when it was let through. */
  ended: number;
}

/** A socket, and what is remembered of it while it is open. */
export class SocketConnection {
  #pending = 0;
  #deniedInRow = 0;
  /** The row that a frame has ended, unless its message is denied. */
  #endedByFrame = 0;
  #noticedAtMs = Number.NEGATIVE_INFINITY;
  #isShut = false;
  #takesTurns = false;

  /**
   * @param request the upgrade request; none where the server did not tell it
   * @param address of the client, as it was when it connected
   */
  constructor(
    readonly client: object,
    readonly request: HttpRequest | undefined,
    readonly address: string | undefined,
    private readonly rules: ConnectionRules,
    private readonly clock: Clock,
  ) {}

  /** Whether it was closed for its denials: what still comes in is nobody's. */
  get isClosed(): boolean {
    return this.#isShut;
  }

  /** Whether no more messages may await a decision. */
  get isFull(): boolean {
    return this.#pending >= this.rules.maxPending;
  }

  get maxPending(): number {
    return this.rules.maxPending;
  }

  /** Counts a decision as awaited until it is there. */
  async awaiting<T>(decision: Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await decision;
    } finally {
      this.#pending -= 1;
    }
  }

  /** A message was let through: the row of denials is over. */
  admitted(message: InRow): void {
    if (message.isCounted) return;
    if (message.isFrame) {
      if (this.#deniedInRow > 0) this.#endedByFrame = this.#deniedInRow;
    } else {
      message.ended = Math.max(this.#deniedInRow, this.#endedByFrame);
      this.#endedByFrame = 0;
    }
    this.#deniedInRow = 0;
  }

  /** Counts a denied message. @returns whether it was once too often: the connection is to be shut */
  counts(message: InRow): boolean {
    this.#slowDown();
    if (message.isCounted) return false;
    message.isCounted = true;
    // Let through at first, as a frame or by its handler's limits: the row goes on where it seemed to end.
    const before = message.isFrame ? this.#deniedInRow : Math.max(this.#deniedInRow, message.ended, this.#endedByFrame);
    this.#deniedInRow = before + 1;
    this.#endedByFrame = 0;
    return this.#deniedInRow >= this.rules.closeAfter;
  }

  /** Closes the connection for its denials. */
  close(reason: string | object): void {
    this.#isShut = true;
    closeClient(this.client, typeof reason === 'string' ? reason : 'Too many messages');
  }

  /** Who is denied has no more than a turn's share of the process. */
  #slowDown(): void {
    if (this.#takesTurns) return;
    this.#takesTurns = true;
    pauseUntilNextTurn(this.client);
    setImmediate(() => {
      this.#takesTurns = false;
    });
  }

  /** Tells the client; nothing, where it was told less than `noticeEveryMs` ago. */
  notify(payload: RateLimitPayload): void {
    const now = this.clock.now();
    if (now - this.#noticedAtMs < this.rules.noticeEveryMs) return;
    this.#noticedAtMs = now;
    sendEvent(this.client, RATE_LIMIT, payload);
  }
}
