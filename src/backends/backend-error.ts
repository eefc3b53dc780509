import { types } from 'node:util';
import { recognizeInstances } from '../core/copies.js';

/** A backend did not answer or could not decide. Errors in the configuration or in user code are never of this class. */
export class BackendError extends Error {
  static {
    recognizeInstances(BackendError, 'BackendError');
  }

  override readonly name = 'BackendError';
  /** The failure domain that failed, if the call has charges in others, too. */
  readonly domain?: string;

  /**
   * @param code `TIMEOUT`, `LATE`, `GARBAGE`, `CONNECTION`, `SCRIPT` (the server cannot run the scripts), or the server's own error
   *   code: `NOAUTH`, `WRONGPASS`, `MISCONF`, `READONLY`, `LOADING`, `OOM`, ...
   * @param transient whether it may go away without a change to the configuration
   * @param options `domain`: the part of the backend that failed, of those that hold the call's charges
   */
  constructor(
    readonly code: string,
    message: string,
    readonly transient = true,
    // Not `ErrorOptions`, which applications that compile with `lib: ES2021` do not have.
    options?: { readonly cause?: unknown; readonly domain?: string },
  ) {
    super(message, options);
    if (options?.domain !== undefined) this.domain = options.domain;
  }
}

/**
 * Returns the failure of a backend that an error tells of: a BackendError, or a system error such as `ECONNREFUSED`. Any other error
 * is one of the configuration or of code, and no outage is its reason: undefined.
 */
export function failureIn(error: unknown): BackendError | undefined {
  if (error instanceof BackendError) return error;
  const code: unknown = types.isNativeError(error) ? Reflect.get(error, 'code') : undefined;
  const isOfSystem = typeof code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(code);
  return isOfSystem ? new BackendError('CONNECTION', `${code}: the backend could not be reached`) : undefined;
}

/** Returns an error that tells which failure domain failed. All but a BackendError, and an error that tells it already, stay. */
export function inDomain(error: unknown, domain: string | undefined): unknown {
  if (domain === undefined || !(error instanceof BackendError) || error.domain !== undefined) return error;
  return new BackendError(error.code, error.message, error.transient, { cause: error.cause, domain });
}
