import { describeValue } from '../core/errors.js';
import type { BlockOptions } from '../strategies/blocks/block-options.js';
import { type By, type Call, EXEMPT } from '../transports/call.js';
import { by } from '../transports/identity/by.js';
import { memberAt } from '../transports/identity/member-path.js';
import type { PolicyOptions } from './policy-options.js';

/**
 * Limits for one purpose, as `@Throttle` takes them.
 *
 * @example
 * const mine: Preset = [...presets.UPLOAD, { name: 'bytes', rate: '100000000/d', cost: bytesOf }];
 */
export type Preset = readonly PolicyOptions[];

/**
 * Limits for common purposes. A tightened number is a minor release, a loosened one a major one.
 *
 * `AUTH`, `OTP_SEND`, `OTP_VERIFY` and `PASSWORD_RESET` limit addresses, and accounts, whose name is in a member of the body that
 * only the application knows: `context: { account: 'email' }` names it, with dots for a nested one. Without it, these presets limit
 * addresses alone, which does not stop an attacker who has many of them.
 */
export interface Presets {
  /** An API that is open to everybody: `10/s` in bursts of 30, `1000/h`. By user, else by address. */
  readonly PUBLIC_API: Preset;
  /**
   * Logins: `10/min; 100/h` by address, `10/15min; 50/d` by account. Protects against guessed passwords and stolen lists of them.
   * Counts the attempt, whether it succeeds or not. An address that is denied ten times in a row is blocked for 5 minutes, then 15, then
   * an hour; an account that is, for 15 minutes, then half an hour, then an hour.
   *
   * @example
   * @Throttle(presets.AUTH, { context: { account: 'email' } }) @Post('login') login() {}
   */
  readonly AUTH: Preset;
  /**
   * Codes and links that are sent: `10/h; 30/d` by address, `1/min; 5/h; 10/d` by recipient. Protects recipients and the bill.
   * An address that is denied ten times in a row is blocked for an hour, then 6, then a day.
   */
  readonly OTP_SEND: Preset;
  /**
   * Codes that are entered: `20/10min; 100/d` by address, `5/10min; 20/d` by account, or else by user. Protects against guessed codes.
   * After ten denials in a row the address, and after five the account or user, is blocked for 15 minutes, then an hour, then 4.
   */
  readonly OTP_VERIFY: Preset;
  /** Requests to reset a password: `10/h; 30/d` by address, `3/h; 5/d` by account. Protects mailboxes, and against probing for accounts. */
  readonly PASSWORD_RESET: Preset;
  /** Reports, exports, searches: `10/min` in bursts of 3, `100/h`. By user, else by address. */
  readonly EXPENSIVE: Preset;
  /** Uploads: 4 at a time, `20/min` in bursts of 10, `200/d`. By user, else by address. Their size is a policy of its own. */
  readonly UPLOAD: Preset;
  /** Calls of a language model: `10/min` in bursts of 5, `200/d`. By user, else by address. */
  readonly LLM: Preset;
  /** Messages of sockets: `100/min` in bursts of 20 by connection, `600/min` by address. */
  readonly WS_MESSAGES: Preset;
}

/** The longest part of a name that counts: an e-mail address has at most 254 characters. */
const MAX_NAME = 256;
/** All values that are no name count as one. */
const NO_NAME = '[no name]';

/** The account that a body names, as `context.account` says where. */
const account: By = (call) => {
  const name = nameIn(call);
  return name === undefined ? null : `account:${name}`;
};
const nobody: By = () => EXEMPT;

/** A body that names no account is left to the limit by address. */
const byAccount = by.first(account, nobody);
const byAccountOrUser = by.first(account, by.user(), nobody);
const byUser = by.user();
const byAddress = by.ip();

/** Exact in every period, and for limits as low as these it needs no more room than the others. */
const strategy = 'sliding-log';
const bucket = 'token-bucket';

/** Blocks: for whom the wait of the limit is no reason to stop. Their first length is about that wait, so a typing error costs little. */
const blocks = {
  loginAddress: { for: '5m', after: 10, escalate: [1, 3, 12], forgetAfter: '1d' },
  loginAccount: { for: '15m', after: 10, escalate: [1, 2, 4], forgetAfter: '1d' },
  sender: { for: '1h', after: 10, escalate: [1, 6, 24], forgetAfter: '2d' },
  guessingAddress: { for: '15m', after: 10, escalate: [1, 4, 16], forgetAfter: '1d' },
  guessingAccount: { for: '15m', after: 5, escalate: [1, 4, 16], forgetAfter: '1d' },
} as const satisfies Readonly<Record<string, BlockOptions>>;

/**
 * Limits for common purposes; `docs/presets.md` says why these numbers. They are frozen lists of options: spread them to change
 * them.
 *
 * @example
 * @Throttle(presets.EXPENSIVE) @Get('report') report() {}
 * @Throttle([...presets.PUBLIC_API, 'search']) @Get('search') search() {}
 * ThrottleModule.forRoot({ default: presets.PUBLIC_API })
 */
export const presets: Presets = freeze({
  PUBLIC_API: [
    { name: 'public-burst', rate: '10/s', strategy: bucket, burst: 30, by: byUser },
    { name: 'public-hourly', rate: '1000/h', by: byUser },
  ],
  AUTH: [
    { name: 'auth-address', rate: '10/min; 100/h', strategy, by: byAddress, block: blocks.loginAddress },
    { name: 'auth-account', rate: '10/15min; 50/d', strategy, by: byAccount, block: blocks.loginAccount },
  ],
  OTP_SEND: [
    { name: 'otp-send-address', rate: '10/h; 30/d', strategy, by: byAddress, block: blocks.sender },
    { name: 'otp-send-account', rate: '1/min; 5/h; 10/d', strategy, by: byAccount },
  ],
  OTP_VERIFY: [
    { name: 'otp-verify-address', rate: '20/10min; 100/d', strategy, by: byAddress, block: blocks.guessingAddress },
    { name: 'otp-verify-account', rate: '5/10min; 20/d', strategy, by: byAccountOrUser, block: blocks.guessingAccount },
  ],
  PASSWORD_RESET: [
    { name: 'password-reset-address', rate: '10/h; 30/d', strategy, by: byAddress },
    { name: 'password-reset-account', rate: '3/h; 5/d', strategy, by: byAccount },
  ],
  EXPENSIVE: [
    { name: 'expensive-burst', rate: '10/min', strategy: bucket, burst: 3, by: byUser },
    { name: 'expensive-hourly', rate: '100/h', by: byUser },
  ],
  UPLOAD: [
    { name: 'upload-burst', rate: '20/min', strategy: bucket, burst: 10, concurrency: 4, by: byUser },
    { name: 'upload-daily', rate: '200/d', by: byUser },
  ],
  LLM: [
    { name: 'llm-burst', rate: '10/min', strategy: bucket, burst: 5, by: byUser },
    { name: 'llm-daily', rate: '200/d', by: byUser },
  ],
  WS_MESSAGES: [
    { name: 'messages-connection', rate: '100/min', strategy: bucket, burst: 20, by: by.connection() },
    { name: 'messages-address', rate: '600/min', by: byAddress },
  ],
});

/** Freezes presets, their limits, and the functions in them. */
function freeze(all: Presets): Presets {
  for (const preset of Object.values<Preset>({ ...all })) {
    for (const limit of preset) {
      Object.freeze(limit.by);
      if (typeof limit.block === 'object') Object.freeze(Object.freeze(limit.block).escalate);
      Object.freeze(limit);
    }
    Object.freeze(preset);
  }
  return Object.freeze(all);
}

/** Returns the name in the body of a request, or in the data of a message, if there is one. @throws TypeError for a path that is none */
function nameIn({ client, message, request, context }: Call): string | undefined {
  const path = context.account;
  if (path === undefined) return undefined;
  if (typeof path !== 'string' || path.split('.').includes('')) {
    throw new TypeError(
      `context.account: expected the path of a member of the body such as "email", got ${describeValue(path)}`,
    );
  }
  let name = memberAt(client === undefined ? request?.body : message, path.split('.'));
  // As a lenient application reads it: a list of one name stands for the name.
  while (Array.isArray(name) && name.length === 1) name = name[0];
  if (name === undefined || name === null || name === '') return undefined;
  return typeof name === 'string' || typeof name === 'number' ? canonicalName(String(name)) : NO_NAME;
}

/** Returns one spelling for those that usually lead to one account. */
function canonicalName(name: string): string {
  return name.trim().slice(0, MAX_NAME).normalize('NFKC').toLowerCase();
}
