import { recognizeInstances } from '../core/copies.js';

/** A backend did not answer or could not decide. Errors in the configuration or in user code are never of this class. */
export class BackendError extends Error {
  static {
    recognizeInstances(BackendError, 'BackendError');
  }

  override readonly name = 'BackendError';

  /**
   * @param code `TIMEOUT`, `LATE`, `GARBAGE`, `CONNECTION`, or the server's error code: `READONLY`, `LOADING`, `OOM`, ...
   * @param transient whether it may go away without a change to the configuration
   */
  constructor(
    readonly code: string,
    message: string,
    readonly transient = true,
    // Not `ErrorOptions`, which applications that compile with `lib: ES2021` do not have.
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}
