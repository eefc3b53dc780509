/** The least that makes an outcome as a backend does: charge, decision, the list of each, and a receipt. */
export function outcomeFloor(windowMs, limit) {
  const windows = new Map();
  return (subject) => {
    const charges = [{ policy: 'measured', subject, cost: 1 }];
    const now = Date.now();
    let window = windows.get(subject);
    if (window === undefined || window.resetAt <= now) {
      window = { count: 0, resetAt: now + windowMs };
      windows.set(subject, window);
    }
    window.count += 1;
    const allowed = window.count <= limit;
    const resetMs = window.resetAt - now;
    const decision = {
      policy: 'measured',
      allowed,
      limit,
      remaining: Math.max(0, limit - window.count),
      resetMs,
      retryAfterMs: allowed ? 0 : resetMs,
      delayMs: 0,
      windowMs,
    };
    return { allowed, decisions: [decision], binding: decision, receipt: { at: now, charges } };
  };
}

/** A minimal rate limiter: counts in fixed windows, and never drops a key. */
export function floor(windowMs, limit) {
  const windows = new Map();
  return (key) => {
    const now = Date.now();
    let window = windows.get(key);
    if (window === undefined || window.resetAt <= now) {
      window = { count: 0, resetAt: now + windowMs };
      windows.set(key, window);
    }
    window.count += 1;
    return { allowed: window.count <= limit, remaining: Math.max(0, limit - window.count), resetAt: window.resetAt };
  };
}
