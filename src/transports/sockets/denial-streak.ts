/** The effect of one message on its connection's streak of denials. */
export interface MessageProgress {
  /** True for a frame, which is not parsed yet: its message may be denied after the frame was allowed. */
  readonly isFrame: boolean;
  isCounted: boolean;
  /** The length of the streak that the message ended when it was allowed. */
  endedStreak: number;
}

/** Counts the consecutive denials of a connection. */
export class DenialStreak {
  #length = 0;
  /** The length of the streak that a frame has ended, unless its message is denied. */
  #endedByFrame = 0;

  /** @param closeAfter the number of consecutive denials at which the connection is to be closed */
  constructor(private readonly closeAfter: number) {}

  /** Ends the streak, because a message was allowed. */
  recordAdmission(message: MessageProgress): void {
    if (message.isCounted) return;
    if (message.isFrame) {
      if (this.#length > 0) this.#endedByFrame = this.#length;
    } else {
      message.endedStreak = Math.max(this.#length, this.#endedByFrame);
      this.#endedByFrame = 0;
    }
    this.#length = 0;
  }

  /** Counts a denied message, once. Returns true if the connection is to be closed. */
  recordDenial(message: MessageProgress): boolean {
    if (message.isCounted) return false;
    message.isCounted = true;
    // The message was allowed before, as a frame or by its handler's limits, so it continues the streak that it ended.
    const before = message.isFrame ? this.#length : Math.max(this.#length, message.endedStreak, this.#endedByFrame);
    this.#length = before + 1;
    this.#endedByFrame = 0;
    return this.#length >= this.closeAfter;
  }
}
