import { types } from 'node:util';
import { recognizeInstances } from '../core/copies.js';

/**
 * A backend did not respond or could not decide. Errors in the configuration or in user code are never of this class.
 */
export class BackendError extends Error {
  static {
    recognizeInstances(BackendError, 'BackendError');
  }

  override readonly name = 'BackendError';
  /** The failure domain that failed, if the call has charges in several domains. */
  readonly domain?: string;

  /**
   * @param code `TIMEOUT`, `LATE`, `GARBAGE`, `CONNECTION`, `SCRIPT` (the server cannot run the scripts), or the
   *   server's own error code: `NOAUTH`, `WRONGPASS`, `MISCONF`, `READONLY`, `LOADING`, `OOM`, ...
   * @param transient true if it may go away without a change to the configuration
   * @param options `domain`: the part of the backend that failed, out of those with charges of the call
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
 * Returns the failure of a backend behind an error: a BackendError, or a system error such as `ECONNREFUSED`. Undefined
 * for any other error, which is caused by the configuration or by code and not by an outage.
 */
export function failureIn(error: unknown): BackendError | undefined {
  if (error instanceof BackendError) return error;
  const code: unknown = types.isNativeError(error) ? Reflect.get(error, 'code') : undefined;
  const isOfSystem = typeof code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(code);
  return isOfSystem ? new BackendError('CONNECTION', `${code}: the backend could not be reached`) : undefined;
}

/**
 * Returns an error that names the failure domain. Returns the same error if it is not a BackendError, or already names
 * one.
 */
export function inDomain(error: unknown, domain: string | undefined): unknown {
  if (domain === undefined || !(error instanceof BackendError) || error.domain !== undefined) return error;
  return new BackendError(error.code, error.message, error.transient, { cause: error.cause, domain });
}
