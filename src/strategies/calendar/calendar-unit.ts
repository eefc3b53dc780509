/** What a calendar quota counts in: `week` is that of ISO 8601, from Monday on. */
export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** How a `calendar` policy divides time into windows. */
export interface PolicyCalendar {
  readonly unit: CalendarUnit;
  /** The IANA name of a time zone. */
  readonly timeZone: string;
  /** Window 0 begins at this instant, in epoch milliseconds. If omitted, windows begin where the calendar's units do. */
  readonly anchorMs?: number;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
