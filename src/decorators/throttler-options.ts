import { periodLabel } from '../core/rate.js';
import { POLICY_MEMBERS } from './policy-options.js';

/**
 * One throttler of `@nestjs/throttler`. Its module takes an array of them, or `{ throttlers: [...] }`; its decorators
 * take them by name, `{ default: { ttl, limit } }`. `ttl` is in milliseconds, or in seconds before version 5.
 */
interface Throttler {
  readonly name?: unknown;
  readonly limit?: unknown;
  readonly ttl?: unknown;
}

/** The name of throttlers without a name. */
const UNNAMED = 'default';
const RATE_MEMBERS = ['limit', 'ttl'];
/** The options of this library's `@Throttle`. */
const OWN_MEMBERS = [...POLICY_MEMBERS, 'connections'];

/** Other options of `@nestjs/throttler`, and what to write instead. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  blockDuration: 'block: { for: "5m" }, which blocks a client after denials, or nothing',
  ignoreUserAgents: 'skip: ({ request }) => /bot/.test(String(request?.headers["user-agent"]))',
  skipIf: 'skip, a function of the call that returns true or false',
  getTracker: 'by, such as by.user(), or a function of the call that returns a string',
  generateKey: 'by for who is charged, and scope for where the budget is shared',
  errorMessage: 'message, a string or a function of the call',
  setHeaders: 'headers: false, in the options of the module, for no headers',
  storage: 'backend: new RedisBackend(client)',
  ipv6SubnetPrefix: 'ipv6Prefix',
};

/** The methods of `ThrottlerGuard` that applications override, and what to write instead. */
const GUARD_METHODS: Readonly<Record<string, string>> = {
  getTracker: 'the option by of the limits, a function of the call that returns a string or null (for the address)',
  generateKey: 'the options by and scope of the limits',
  shouldSkip: 'the option skip, a function of the call that returns true or false',
  handleRequest: 'a limit with functions, such as rate, cost and skip, or ThrottleService.hit() in a guard of your own',
  throwThrottlingException: 'the option onDenied, which may throw an exception of its own',
  getErrorMessage: 'the option message, a string or a function of the call',
  getRequestResponse: 'nothing: the request is found for each transport',
};

const INTRODUCTION = 'these are options of @nestjs/throttler, which have another form here.';

/**
 * Returns how to write module options of `@nestjs/throttler` (`[{ ttl, limit }]`, or `{ throttlers: [...] }` with other
 * options) in this library; undefined if they do not have that form.
 */
export function moduleOptionsFor(options: unknown): string | undefined {
  if (Array.isArray(options)) return options.some(isThrottler) ? defaultFor(options, []) : undefined;
  if (!isRecord(options)) return undefined;
  const { throttlers } = options;
  if (Array.isArray(throttlers)) return defaultFor(throttlers, [options]);
  if (isThrottler(options)) return defaultFor([options], []);
  return instructions([replacements([options])]);
}

/**
 * Returns how to write limit options of `@nestjs/throttler` (`{ ttl, limit }`); undefined if they do not have that
 * form.
 */
export function policyOptionsFor(options: object): string | undefined {
  const rate = isThrottler(options) ? `Write rate: "${rateOf(options)}".${unitNote([options])}` : '';
  return instructions([rate, replacements([options])]);
}

/**
 * Returns how to write the arguments of its `@Throttle` (`{ default: { ttl, limit } }` or, before version 5, a limit
 * and seconds); undefined if they do not have that form.
 */
export function throttleArgumentsFor(what: unknown, more: unknown): string | undefined {
  if (isCount(what) && isCount(more)) return instructions([`Write ${throttleFor({ [UNNAMED]: old(what, more) })}.`]);
  if (!isRecord(what) || Object.keys(what).some((name) => OWN_MEMBERS.includes(name))) return undefined;
  const throttlers = Object.values(what);
  if (throttlers.length === 0 || !throttlers.every(isThrottler)) return undefined;
  return instructions([`Write ${throttleFor(what)}.${unitNote(throttlers)}`, replacements(throttlers)]);
}

/**
 * Returns how to write the argument of its `@SkipThrottle` (`{ default: true }` or a boolean); undefined for any other
 * argument.
 */
export function skipArgumentsFor(skip: unknown): string | undefined {
  const skips = typeof skip === 'boolean' ? { [UNNAMED]: skip } : skip;
  if (!isRecord(skips) || Object.keys(skips).length === 0) return undefined;
  if (!Object.values(skips).every((one) => typeof one === 'boolean')) return undefined;
  const isSkip = Object.values(skips).includes(true);
  return instructions([
    `Write ${skipFor(skips)}${isSkip ? '' : ' on a method to limit it although its class is skipped'}.`,
  ]);
}

/**
 * Returns what to write instead of the methods of `ThrottlerGuard` that a subclass of this library's guard has, which
 * nothing would call; undefined if it has none.
 */
export function guardMethodsFor(prototype: object): string | undefined {
  const methods = Object.keys(GUARD_METHODS).filter((method) => method in prototype);
  if (methods.length === 0) return undefined;
  const fixes = methods.map((method) => `For ${method} write ${GUARD_METHODS[method]}.`);
  return `ThrottleGuard calls none of the methods of ThrottlerGuard of @nestjs/throttler. ${fixes.join(' ')}`;
}

/** Returns the decorator for throttlers by name: `@Throttle("3/min")`. */
export function throttleFor(throttlers: Readonly<Record<string, unknown>>): string {
  return `@Throttle(${limitsFor(Object.entries(throttlers).map(([name, one]) => ({ ...Object(one), name })))})`;
}

/** Returns the decorator for skips by name: `@SkipThrottle("default")`. */
export function skipFor(skips: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(skips).filter((name) => skips[name] === true);
  // There, a method revokes the skip of its class. Here, a limit on the method applies even if the class is exempt.
  return names.length === 0 ? '@Throttle(...)' : `@SkipThrottle("${names.join('", "')}")`;
}

function defaultFor(list: readonly unknown[], others: readonly object[]): string | undefined {
  const throttlers = list.filter(isThrottler);
  const limits = throttlers.length === 0 ? '"10/min"' : limitsFor(throttlers);
  const rate = throttlers.length === 1 && limits.startsWith('"') ? `{ rate: ${limits}, ` : '{ ..., ';
  return instructions([
    `Write default: ${limits}.${unitNote(throttlers)}`,
    `All handlers share that budget; ${rate}scope: "handler" } gives each its own, as @nestjs/throttler does.`,
    replacements([...throttlers, ...others]),
  ]);
}

/** Returns limits as code: a rate, options with a name, or an array of these. */
function limitsFor(throttlers: readonly Throttler[]): string {
  const limits = throttlers.map((throttler) => {
    const { name = UNNAMED } = throttler;
    return name === UNNAMED ? `"${rateOf(throttler)}"` : `{ rate: "${rateOf(throttler)}", name: "${String(name)}" }`;
  });
  return limits.length === 1 ? limits.join() : `[${limits.join(', ')}]`;
}

function replacements(options: readonly object[]): string {
  const members = new Set(options.flatMap((one) => Object.keys(one)).filter((one) => Object.hasOwn(REPLACEMENTS, one)));
  return [...members].map((member) => `For ${member} write ${REPLACEMENTS[member]}.`).join(' ');
}

function instructions(sentences: readonly string[]): string | undefined {
  const written = sentences.filter((sentence) => sentence !== '');
  return written.length === 0 ? undefined : [INTRODUCTION, ...written].join(' ');
}

/** Returns the rate of a throttler. A function is only mentioned. */
function rateOf({ limit, ttl }: Throttler): string {
  return `${isCount(limit) ? limit : '<limit>'}/${isCount(ttl) ? unitOf(ttl) : '<period>'}`;
}

/** Returns a period in its usual form: `min`, `15min`, `30s`. */
function unitOf(periodMs: number): string {
  return periodLabel(periodMs)
    .replace(/m$/, 'min')
    .replace(/^1(?=\D)/, '');
}

function unitNote(throttlers: readonly Throttler[]): string {
  const isShort = throttlers.some(({ ttl }) => isCount(ttl) && ttl < 1000);
  return isShort ? ' (This reads ttl as milliseconds; before version 5 of @nestjs/throttler it was in seconds.)' : '';
}

function old(limit: number, seconds: number): Throttler {
  return { limit, ttl: seconds * 1000 };
}

function isThrottler(value: unknown): value is Throttler {
  return isRecord(value) && RATE_MEMBERS.some((member) => member in value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
