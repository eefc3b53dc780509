/**
 * The limits of the soak. Their periods are short, so that many windows pass, and there are more calls than they allow.
 */

const PERIOD_MS = 2000;
const rate = (limit) => `${limit}/${PERIOD_MS}ms`;

/** The policies of the soak, each with the longest time in which it admits at most its limit. */
export const POLICIES = {
  fixed: { options: { rate: rate(20), strategy: 'fixed-window' }, limit: 20, bound: 'window' },
  leased: { options: { rate: rate(60), strategy: 'fixed-window', lease: { batch: 5 } }, limit: 60, bound: 'window' },
  log: { options: { rate: rate(20), strategy: 'sliding-log' }, limit: 20, bound: 'any', spanMs: PERIOD_MS },
  sliding: {
    options: { rate: rate(20), strategy: 'sliding-window', segments: 10 },
    limit: 20,
    bound: 'any',
    spanMs: PERIOD_MS * 0.9,
  },
  bucket: { options: { rate: rate(20), strategy: 'token-bucket' }, limit: 20, bound: 'bucket' },
};
export const PERIOD = PERIOD_MS;
export const SUBJECTS = ['ada', 'bob', 'eve'];
