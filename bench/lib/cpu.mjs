/** CPU that this process has used so far, all threads of it (the collector's, too), in microseconds. */
export function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU microseconds and seconds that pass while `work` runs. */
export async function timed(work) {
  const startedAt = performance.now();
  const before = cpuMicros();
  await work();
  return { cpuMicros: cpuMicros() - before, seconds: (performance.now() - startedAt) / 1000 };
}
