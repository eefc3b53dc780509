/** Returns milliseconds as whole seconds, rounded up, so that no announced wait is too short. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** Returns a wait in the form that clients receive: whole seconds, rounded up, at least 1. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, wholeSeconds(waitMs));
}
