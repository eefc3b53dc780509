/** True for `npm run test:full`: suites of random cases then run at full size. */
export const isFullRun = process.env.TEST_SIZE === 'full';

/** How many random cases a suite runs: `few` with `npm test`, `full` with `npm run test:full`. */
export function scaled(few: number, full: number): number {
  return isFullRun ? full : few;
}
