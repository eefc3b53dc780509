import { types } from 'node:util';
import { ThrottleConfigError } from '../../../core/errors.js';
import { BackendError } from '../../backend-error.js';

/**
 * Faults of the configuration: they do not go away by themselves. All other codes are of states that a server leaves
 * again.
 */
const PERMANENT = ['NOAUTH', 'NOPERM', 'WRONGPASS', 'WRONGTYPE', 'NOPROTO', 'SCRIPT', 'ERR'];

/** The fix for NOPERM: of a command inside a script, Redis 7 does not say which one it is. */
const GRANT = 'Grant the user the commands and keys that "Permissions" in docs/redis.md lists';

/** The longest message of a server that is repeated in an error. */
const MAX_TEXT = 200;

/**
 * Returns a BackendError for an error of a client. Its message has the server's words, without the command, its
 * arguments and keys, because these contain subjects in clear text.
 */
export function backendErrorOf(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  if (!types.isNativeError(error)) return new BackendError('CONNECTION', 'Redis could not be reached');
  if (error.name === 'ReplyError' || isOfScript(error)) {
    const code = codeOf(error.message);
    return new BackendError(code, wordsOf(code, error.message), !PERMANENT.includes(code));
  }
  // A Cluster of ioredis gives up after 16 redirections.
  const [, last] = /^Too many Cluster redirections\. Last error: ReplyError: ([A-Z]+) /.exec(error.message) ?? [];
  if (last !== undefined) return new BackendError(last, `Redis replied ${last}`);
  const code: unknown = Reflect.get(error, 'code');
  return new BackendError('CONNECTION', `Redis could not be reached${typeof code === 'string' ? ` (${code})` : ''}`);
}

/**
 * Returns the error of a run of a script: that of the user's Lua is a ThrottleConfigError, because no outage is the
 * reason.
 *
 * @param userLines the first and the last line of the script that are a user's
 */
export function scriptErrorOf(error: unknown, userLines: readonly [first: number, last: number] | undefined): Error {
  if (error instanceof ThrottleConfigError || userLines === undefined) return withCode(error);
  const line = Number(/user_script:\s*(\d+):/.exec(types.isNativeError(error) ? error.message : '')?.[1]);
  if (!(error instanceof UnexpectedReplyError) && !(line >= userLines[0] && line <= userLines[1]))
    return withCode(error);
  const words = types.isNativeError(error) ? wordsOf('SCRIPT', error.message) : String(error);
  return new ThrottleConfigError('SLUICE_STRATEGY_FAILED', `the Lua of a custom strategy failed: ${words}`);
}

/** The error of a reply that none of our scripts gives. */
export class UnexpectedReplyError extends TypeError {
  constructor() {
    super('unexpected reply from the Redis script: the Lua of a custom strategy may omit a member of its decision');
  }
}

function withCode(error: unknown): Error {
  if (error instanceof ThrottleConfigError) return error;
  if (!(error instanceof UnexpectedReplyError)) return backendErrorOf(error);
  return new BackendError('SCRIPT', 'no script of this library gives such a reply. Is the server a Redis?', false);
}

/** Returns true for what servers other than Redis, which run Lua in the process, report of a script. */
function isOfScript({ message }: Error): boolean {
  return /attempt to (?:index|call|compare|perform|concatenate)|nonexistent global variable/.test(message);
}

/**
 * Returns the word that an error begins with, or that it has of a command within a script, in the forms of Redis 6.2
 * and later.
 */
function codeOf(message: string): string {
  const [, inScript] = /user_script: ?\d+: -?([A-Z]{3,}) /.exec(message) ?? [];
  if (inScript !== undefined) return inScript;
  if (/can't run this command|can't access/.test(message)) return 'NOPERM';
  const [, first] = /^-?([A-Z]{3,}) /.exec(`${message} `) ?? [];
  if (first !== undefined && first !== 'ERR') return first;
  return /user_script:|compiling script/.test(message) || isOfScript(new Error(message)) ? 'SCRIPT' : 'ERR';
}

/** Returns an error of a server without what it repeats of a command. */
function wordsOf(code: string, message: string): string {
  const words = message
    .replace(/^ERR Error running script \(call to f_\w+\): /, '')
    .replace(/ script: \w{40}, on @user_script:\d+\.?$/, '')
    .replace(/, with args beginning with:.*$/s, '')
    // A command, or a key: from the first quotation mark to the last, because a key may have some itself.
    .replace(/'(.*)'/s, (quoted, text: string) => (/^[\w|-]{1,40}$/.test(text) ? quoted : "'...'"))
    .replaceAll(/\s+/g, ' ')
    .slice(0, MAX_TEXT);
  if (code === 'SCRIPT') return `Redis cannot run the script: ${words.replace(/^ERR /, '')}`;
  if (code !== 'NOPERM') return words;
  // Redis 7 starts the refusal of a command inside a script with ERR.
  const refusal = words.replace(/^(?:@user_script: ?\d+: )*(?:ERR |-?NOPERM )?/, '').replace(/\.$/, '');
  return `NOPERM ${refusal}. ${GRANT}`;
}

/**
 * Returns true if keys of a slot are on their way to another master, and those of the command are not all on one. The
 * command was not executed.
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
  return types.isNativeError(error) && error.message.startsWith('NOSCRIPT');
}

/** Rethrows an error unless it goes away by itself: for a step that a later call does again. */
export function ignoreTransient(error: unknown): void {
  if (!(error instanceof BackendError && error.transient)) throw error;
}

/** The error of a call that got no reply within its time. */
export function timeoutError(timeoutMs: number): BackendError {
  return new BackendError('TIMEOUT', `Redis did not answer within ${timeoutMs} ms`);
}
