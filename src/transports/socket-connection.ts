import type { Clock } from '../core/clock.js';
import type { HttpRequest } from './call.js';
import { sendEvent, shut, takeTurns } from './socket-client.js';
import { RATE_LIMIT, type RateLimitPayload } from './socket-payload.js';

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
  isCounted: boolean;
  /** The row that it ended, when it was let through. */
  ended: number;
}

/** A socket, and what is remembered of it while it is open. */
export class SocketConnection {
  #pending = 0;
  #deniedInRow = 0;
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
  get isShut(): boolean {
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
    if (message.isCounted || this.#deniedInRow === 0) return;
    message.ended = this.#deniedInRow;
    this.#deniedInRow = 0;
  }

  /** A message was denied: tells the client, if it has not been told just now, and closes where that was once too often. */
  denied(message: InRow, payload: RateLimitPayload): void {
    this.notify(payload);
    this.#slowDown();
    if (message.isCounted) return;
    message.isCounted = true;
    // Let through at first, and denied by its handler: the row goes on where it seemed to end.
    this.#deniedInRow = Math.max(this.#deniedInRow, message.ended) + 1;
    if (this.#deniedInRow < this.rules.closeAfter) return;
    this.#isShut = true;
    shut(this.client, typeof payload.error === 'string' ? payload.error : 'Too many messages');
  }

  /** Who is denied has no more than a turn's share of the process. */
  #slowDown(): void {
    if (this.#takesTurns) return;
    this.#takesTurns = true;
    takeTurns(this.client);
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
