/** Returns the CPU time of all threads of this process so far, including the garbage collector, in microseconds. */
export function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Returns the CPU microseconds and the elapsed seconds of `work`. */
export async function timed(work) {
  const startedAt = performance.now();
  const before = cpuMicros();
  await work();
  return { cpuMicros: cpuMicros() - before, seconds: (performance.now() - startedAt) / 1000 };
}
