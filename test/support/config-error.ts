import { ThrottleConfigError } from '../../src/core/errors.js';

/** Returns the problem that a function reports: the message of its ThrottleConfigError, without the code and the address. */
export function thrownProblem(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return problemOf(error);
  }
  throw new Error('nothing was thrown');
}

/** Returns the problem that a promise is rejected for: the message of its ThrottleConfigError, without the code and the address. */
export async function rejectedProblem(promise: Promise<unknown>): Promise<string> {
  return problemOf(
    await promise.then(
      () => new Error('nothing was rejected'),
      (error) => error,
    ),
  );
}

function problemOf(error: unknown): string {
  if (error instanceof ThrottleConfigError) return error.problem;
  throw error;
}
