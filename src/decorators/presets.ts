import { describeValue } from '../core/errors.js';
import type { BlockOptions } from '../strategies/blocks/block-options.js';
import { type By, type Call, EXEMPT } from '../transports/call.js';
import { type ContextMember, readsContext } from '../transports/context-members.js';
import { by } from '../transports/identity/by.js';
import { memberAt } from '../transports/member.js';
import type { PolicyOptions } from './policy-options.js';

/**
 * Limits for one purpose, to pass to `@Throttle`.
 *
 * @example
 * const mine: Preset = [...presets.UPLOAD, { name: 'bytes', rate: '100000000/d', cost: bytesOf }];
 */
export type Preset = readonly PolicyOptions[];

/**
 * Limits for common purposes. A minor release may tighten a number; only a major release loosens one.
 *
 * `AUTH`, `OTP_SEND`, `OTP_VERIFY` and `PASSWORD_RESET` limit addresses and accounts. Name the member of the body that
 * has the account, with dots if it is nested: `context: { account: 'email' }`. Without it, these presets limit
 * addresses only, which does not stop an attacker who has many addresses.
 */
export interface Presets {
  /** A public API: `10/s` in bursts of 30, `1000/h`. By user, else by address. */
  readonly PUBLIC_API: Preset;
  /**
   * Logins: `10/min; 100/h` by address, `10/15min; 50/d` by account. Protects against password guessing and credential
   * stuffing. Counts every attempt, successful or not. After ten denials in a row an address is blocked for 5 minutes,
   * then 15, then an hour; an account for 15 minutes, then half an hour, then an hour.
   *
   * @example
   * @Throttle(presets.AUTH, { context: { account: 'email' } }) @Post('login') login() {}
   */
  readonly AUTH: Preset;
  /**
   * Sending codes and links: `10/h; 30/d` by address, `1/min; 5/h; 10/d` by recipient. Protects recipients from spam
   * and you from costs. After ten denials in a row an address is blocked for an hour, then 6 hours, then a day.
   */
  readonly OTP_SEND: Preset;
  /**
   * Verifying codes: `20/10min; 100/d` by address, `5/10min; 20/d` by account, or else by user. Protects against code
   * guessing. After ten denials in a row an address, and after five an account or user, is blocked for 15 minutes, then
   * an hour, then 4 hours.
   */
  readonly OTP_VERIFY: Preset;
  /**
   * Requests to reset a password: `10/h; 30/d` by address, `3/h; 5/d` by account. Protects mailboxes, and against
   * account enumeration.
   */
  readonly PASSWORD_RESET: Preset;
  /** Reports, exports, searches: `10/min` in bursts of 3, `100/h`. By user, else by address. */
  readonly EXPENSIVE: Preset;
  /**
   * Uploads: 4 at a time, `20/min` in bursts of 10, `200/d`. By user, else by address. Limit their size with a separate
   * policy.
   */
  readonly UPLOAD: Preset;
  /** Calls to a language model: `10/min` in bursts of 5, `200/d`. By user, else by address. */
  readonly LLM: Preset;
  /** Socket messages: `100/min` in bursts of 20 by connection, `600/min` by address. */
  readonly WS_MESSAGES: Preset;
}

/** The number of characters of a name that are used: an e-mail address has at most 254. */
const MAX_NAME = 256;
/** Stands for all values that are not a name, so that they share a budget. */
const NO_NAME = '[no name]';

/** The member of `context` that names the member of the body with the account. */
const ACCOUNT: ContextMember = {
  name: 'account',
  expected: 'the path of a member of the body such as "email"',
  fits: (path) => typeof path === 'string' && !path.split('.').includes(''),
  without: 'Without it, no account would be limited.',
};

/** The account in the body, in the member that `context.account` names. */
const account = readsContext(
  (call) => {
    const name = nameIn(call);
    return name === undefined ? null : `account:${name}`;
  },
  [ACCOUNT],
);
const exempt: By = () => EXEMPT;

/** Exempts a call whose body has no account; the limit by address still applies. */
const byAccount = by.first(account, exempt);
const byAccountOrUser = by.first(account, by.user(), exempt);
const byUser = by.user();
const byAddress = by.ip();

/** Exact in every period. For limits as low as these it needs no more memory than the others. */
const strategy = 'sliding-log';
const bucket = 'token-bucket';

/**
 * Blocks for clients that go on in spite of denials. The first block is about as long as the wait of the limit, so a
 * mistyped password costs a user little.
 */
const blocks = {
  loginAddress: { for: '5m', after: 10, escalate: [1, 3, 12], forgetAfter: '1d' },
  loginAccount: { for: '15m', after: 10, escalate: [1, 2, 4], forgetAfter: '1d' },
  sender: { for: '1h', after: 10, escalate: [1, 6, 24], forgetAfter: '2d' },
  guessingAddress: { for: '15m', after: 10, escalate: [1, 4, 16], forgetAfter: '1d' },
  guessingAccount: { for: '15m', after: 5, escalate: [1, 4, 16], forgetAfter: '1d' },
} as const satisfies Readonly<Record<string, BlockOptions>>;

/**
 * Limits for common purposes. `docs/presets.md` gives the reasons for the numbers. They are frozen arrays of options:
 * spread them to change them.
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

/**
 * Returns the name in the body of a request, or in the data of a message, if there is one.
 *
 * @throws TypeError for an invalid path
 */
function nameIn({ client, message, request, context }: Call): string | undefined {
  const path = context.account;
  if (path === undefined) return undefined;
  if (typeof path !== 'string' || !ACCOUNT.fits(path)) {
    throw new TypeError(`context.account: expected ${ACCOUNT.expected}, got ${describeValue(path)}`);
  }
  let name = memberAt(client === undefined ? request?.body : message, path.split('.'));
  // Treats an array of one name as the name, as a lenient application does.
  while (Array.isArray(name) && name.length === 1) name = name[0];
  if (name === undefined || name === null || name === '') return undefined;
  return typeof name === 'string' || typeof name === 'number' ? canonicalName(String(name)) : NO_NAME;
}

/** Returns the canonical spelling of a name: spellings that usually mean the same account share it. */
function canonicalName(name: string): string {
  return name.trim().slice(0, MAX_NAME).normalize('NFKC').toLowerCase();
}
