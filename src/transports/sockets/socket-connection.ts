import type { Clock } from '../../core/clock.js';
import type { Decision, Outcome } from '../../core/decision.js';
import type { HttpRequest } from '../call.js';
import type { Connection } from '../responder.js';
import { DenialStreak } from './denial-streak.js';
import type { MessagePacer } from './pacing/message-pacer.js';
import { RATE_LIMIT, type RateLimitPayload } from './rate-limit-message.js';
import { closeClient, pauseUntilNextTurn, sendEvent } from './socket-client.js';

/** The settings that all connections share. */
export interface ConnectionRules {
  /** Consecutive denied messages at which a connection is closed. */
  readonly closeAfter: number;
  /** The minimum time between notices to one connection, in milliseconds. */
  readonly noticeEveryMs: number;
  /** The maximum number of messages of one connection that await a decision. */
  readonly maxPending: number;
}

/** The wait announced for a message that was denied because too many others await a decision. */
const OVERFLOW_RETRY_MS = 1000;

/** A socket and its state while it is open. */
export class SocketConnection implements Connection {
  readonly streak: DenialStreak;
  #pending = 0;
  #noticedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #isPaused = false;
  /** The addresses in headers of the upgrade request, by header. Read once, because a closed socket has no peer. */
  #headerAddresses: Map<string, string | undefined> | undefined;

  /**
   * @param request the upgrade request; undefined if the server did not pass it
   * @param address the address of the client when it connected
   * @param readAddressIn reads an address from a header of the upgrade request, if a trusted proxy sent it
   * @param pacer determines how many of its messages are handled per turn of the event loop, if the server supports it
   */
  constructor(
    readonly client: object,
    readonly request: HttpRequest | undefined,
    readonly address: string | undefined,
    private readonly rules: ConnectionRules,
    private readonly clock: Clock,
    private readonly readAddressIn: (header: string) => string | undefined = () => undefined,
    private readonly pacer?: MessagePacer,
  ) {
    this.streak = new DenialStreak(rules.closeAfter);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Returns the address that a trusted proxy wrote into a header of the upgrade request. */
  addressIn(header: string): string | undefined {
    this.#headerAddresses ??= new Map();
    const known = this.#headerAddresses;
    if (!known.has(header)) known.set(header, this.readAddressIn(header));
    return known.get(header);
  }

  overflow(): Outcome | undefined {
    const { maxPending } = this.rules;
    if (this.#pending < maxPending) return undefined;
    this.slowDown();
    const decision: Decision = {
      policy: 'pending',
      allowed: false,
      limit: maxPending,
      remaining: 0,
      resetMs: OVERFLOW_RETRY_MS,
      retryAfterMs: OVERFLOW_RETRY_MS,
      delayMs: 0,
      windowMs: OVERFLOW_RETRY_MS,
      reason: 'rate',
    };
    return { allowed: false, decisions: [decision], binding: decision };
  }

  async track<T>(decision: Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await decision;
    } finally {
      this.#pending -= 1;
    }
  }

  /**
   * Slows down a client that was denied: stops reading until the next turn of the event loop, and then reads less per
   * turn.
   */
  slowDown(): void {
    this.pacer?.recordDenial();
    if (this.#isPaused) return;
    this.#isPaused = true;
    pauseUntilNextTurn(this.client);
    setImmediate(() => {
      this.#isPaused = false;
    });
  }

  /** Sends a notice to the client, unless the last one was sent less than `noticeEveryMs` ago. */
  notify(payload: RateLimitPayload): void {
    const now = this.clock.now();
    if (now - this.#noticedAtMs < this.rules.noticeEveryMs) return;
    this.#noticedAtMs = now;
    sendEvent(this.client, RATE_LIMIT, payload);
  }

  /** Closes the connection because of its denials. */
  close(reason: string | object): void {
    this.#isClosed = true;
    closeClient(this.client, typeof reason === 'string' ? reason : 'Too many messages');
  }
}
