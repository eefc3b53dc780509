/** A backend did not answer, or could not. A mistake in the configuration or in user code is never one of these. */
export class BackendError extends Error {
  override readonly name = 'BackendError';

  /**
   * @param code `TIMEOUT`, `LATE`, `GARBAGE`, `CONNECTION`, or what the server said: `READONLY`, `LOADING`, `OOM`, ...
   * @param transient whether it may pass by itself
   */
  constructor(
    readonly code: string,
    message: string,
    readonly transient = true,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
