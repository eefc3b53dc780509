import { invalidValue } from '../../core/errors.js';

/** The time zone of a policy without the option `timeZone`. */
export const DEFAULT_ZONE = 'UTC';

/** An upper bound of UTC offsets: the largest ever used is 15 h 14 min. */
const MAX_OFFSET_MS = 16 * 3_600_000;
/** No zone changes its offset twice within this time. */
const STEP_MS = 8 * 3_600_000;

/** A span of time in which a zone has one offset. */
export interface OffsetSpan {
  readonly startMs: number;
  readonly endMs: number;
  /** Local time minus UTC. */
  readonly offsetMs: number;
}

/**
 * A time zone of `Intl`. A local time is a number of milliseconds, computed as if it were UTC: 1 January 1970, 02:00 is
 * 7 200 000 in every zone.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat | undefined;

  /** @param name an IANA name that `assertTimeZone` has accepted */
  constructor(readonly name: string) {
    this.#format = name.toUpperCase() === DEFAULT_ZONE ? undefined : formatIn(name);
  }

  /** Returns the local time of an instant. */
  localAt(instant: number): number {
    return instant + this.offsetAt(instant);
  }

  /** Returns local time minus UTC at an instant. */
  offsetAt(instant: number): number {
    if (this.#format === undefined) return 0;
    const second = Math.floor(instant / 1000) * 1000;
    const [, month = '', day = '', year = '', hour = '', minute = '', seconds = ''] =
      PARTS.exec(this.#format.format(second)) ?? [];
    return (
      Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(seconds)) - second
    );
  }

  /**
   * Returns the first instant at which the local time is `localMs` or later. If clocks are set back over `localMs`, it
   * is the first of the two instants; if they are set forward over it, the instant of the change.
   */
  firstInstantAt(localMs: number): number {
    if (this.#format === undefined) return localMs;
    let found = localMs;
    for (const { startMs, endMs, offsetMs } of this.spans(localMs - MAX_OFFSET_MS, localMs + MAX_OFFSET_MS)) {
      found = Math.max(startMs, localMs - offsetMs);
      if (found < endMs) break;
    }
    return found;
  }

  /** Yields the spans of one offset from an instant to another, in order. */
  *spans(fromMs: number, toMs: number): Generator<OffsetSpan> {
    let startMs = fromMs;
    let offsetMs = this.offsetAt(fromMs);
    for (let sampleMs = fromMs; sampleMs < toMs; ) {
      const next = Math.min(sampleMs + STEP_MS, toMs);
      const nextOffset = this.offsetAt(next);
      if (nextOffset !== offsetMs) {
        const changeMs = this.#changeBetween(sampleMs, next, offsetMs);
        yield { startMs, endMs: changeMs, offsetMs };
        startMs = changeMs;
        offsetMs = nextOffset;
      }
      sampleMs = next;
    }
    yield { startMs, endMs: toMs, offsetMs };
  }

  /** Returns the first instant, after `fromMs` and up to `toMs`, at which the offset is no longer `offsetMs`. */
  #changeBetween(fromMs: number, toMs: number, offsetMs: number): number {
    let before = fromMs;
    let after = toMs;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.offsetAt(middle) === offsetMs) before = middle;
      else after = middle;
    }
    return after;
  }
}

const PARTS = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/;

function formatIn(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}

/**
 * The form of a zone's name. Offsets such as `+05:30` are excluded, because only some versions of `Intl` accept them.
 */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

/** Throws a ThrottleConfigError unless `name` is the name of a time zone. `path` names the option in the message. */
export function assertTimeZone(path: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && ZONE_NAME.test(name) && isKnown(name)) return;
  throw invalidValue(path, 'the IANA name of a time zone such as "Europe/Berlin" or "UTC"', name);
}

function isKnown(timeZone: string): boolean {
  try {
    formatIn(timeZone);
    return true;
  } catch {
    return false;
  }
}
