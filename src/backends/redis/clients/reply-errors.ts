import { BackendError } from '../../backend-error.js';

/** Server errors that do not go away without a change to the configuration. */
const PERMANENT = ['NOAUTH', 'NOPERM', 'WRONGPASS', 'WRONGTYPE', 'ERR'];

/**
 * Returns a BackendError for an error of a client. Its message leaves out the command and its arguments, because they
 * contain subjects in clear text.
 */
export function backendErrorOf(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  if (!(error instanceof Error)) return new BackendError('CONNECTION', 'Redis could not be reached');
  if (error.name === 'ReplyError') {
    const [word = ''] = error.message.split(' ');
    const code = /^[A-Z]+$/.test(word) ? word : 'ERR';
    return new BackendError(code, `Redis answered ${code}`, !PERMANENT.includes(code));
  }
  // A Cluster of ioredis gives up after 16 redirections.
  const [, last] = /^Too many Cluster redirections\. Last error: ReplyError: ([A-Z]+) /.exec(error.message) ?? [];
  if (last !== undefined) return new BackendError(last, `Redis answered ${last}`);
  const code: unknown = Reflect.get(error, 'code');
  return new BackendError('CONNECTION', `Redis could not be reached${typeof code === 'string' ? ` (${code})` : ''}`);
}

/**
 * Returns true if keys of a slot are on their way to another master, and those of the command are not all on one. The command
 * was not executed.
 */
export function isTryAgain(error: unknown): boolean {
  return error instanceof BackendError && error.code === 'TRYAGAIN';
}

/** Returns true if a key holds another type than the command is for. */
export function isWrongType(error: unknown): boolean {
  return error instanceof BackendError && error.code === 'WRONGTYPE';
}

/** Returns true if the server does not have the script that was to run. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** The error of a call that got no reply within its time. */
export function timeoutError(timeoutMs: number): BackendError {
  return new BackendError('TIMEOUT', `Redis did not answer within ${timeoutMs} ms`);
}
