import { type ThrottleEvent, ThrottleService } from '../../src/index.js';

/** Collects the events of an application. */
export function eventsOf(app: { get(token: typeof ThrottleService): ThrottleService }): ThrottleEvent[] {
  const seen: ThrottleEvent[] = [];
  app.get(ThrottleService).events$.subscribe((event) => seen.push(event));
  return seen;
}

/** The names of the policies in each `violation`. */
export function violationsIn(events: readonly ThrottleEvent[]): string[][] {
  return events.flatMap((event) =>
    event.type === 'violation' ? [event.violations.map(({ decision }) => decision.policy)] : [],
  );
}
