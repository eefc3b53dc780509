/** The least that could honestly be called a rate limiter: counts in fixed windows, and forgets nobody. */
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
