/** Lets handlers of a test wait, and tracks their progress. */
export class Gate {
  readonly begun: string[] = [];
  readonly ended: string[] = [];
  /** Disconnects of clients that gateways have noticed. */
  departures = 0;
  readonly #waiting = new Map<string, (() => void)[]>();

  /** A handler has begun, and waits. */
  async wait(name: string): Promise<void> {
    this.begun.push(name);
    await new Promise<void>((resolve) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]));
    this.ended.push(name);
  }

  /** Lets the handlers of that name that wait go on. */
  open(name: string): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    for (const goOn of waiting) goOn();
  }
}
