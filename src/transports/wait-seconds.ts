/** Milliseconds as whole seconds, rounded up: a wait is never announced too short. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** A wait as clients receive it: whole seconds, rounded up, at least 1. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, wholeSeconds(waitMs));
}
