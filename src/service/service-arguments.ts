import type { ExecutionContext } from '@nestjs/common';
import { assertCost } from '../core/decision.js';
import { assertKnownMembers, invalidArgument, ThrottleConfigError } from '../core/errors.js';
import type { LimitName } from '../core/literals/policy-name.js';
import type { Policy } from '../core/policy.js';
import { assertNotMissing, missingValue } from '../core/value-options.js';
import type { ChargeWhen } from '../decorators/policy-options.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { assertOptions, CHARGE_WHEN_CHECK, isObject } from '../planning/option-checks.js';
import type { Call, CallContext } from '../transports/call.js';
import type { CallSession } from './calls/call-session.js';
import type { GivenValues } from './calls/charges/charge-parts.js';

/**
 * The call and the subject for a method of the service. `on` and `subject` may be omitted, but not be `undefined`: then
 * the wrong subject would be charged.
 */
export interface CallOptions {
  /** An execution context, a request, or a socket. Default: the call being handled. */
  readonly on?: ExecutionContext | object;
  /**
   * The response of the request in `on`, for its headers. Needed only on Fastify, in middleware and `onRequest` hooks,
   * over HTTP/2 and under `app.inject()`.
   */
  readonly response?: object;
  /**
   * The subject to charge, verbatim; `subjectOf` returns those of the built-in `by`. With a subject no call is needed.
   */
  readonly subject?: string;
  /** Passed to the policies' functions as `call.context`. */
  readonly context?: CallContext;
}

/** Options of `run`. */
export interface RunOptions extends CallOptions {
  /** Units, a safe integer of at least 0. Default: the policy's own cost. */
  readonly cost?: number;
  /**
   * Which runs stay charged; a result has a `value` or an `error`. Default: `chargeWhen` of the policy, or all of them.
   */
  readonly chargeWhen?: ChargeWhen;
}

/** One of several policies under which a call is charged together. */
export interface PolicyCharge {
  /** A policy's name, or a policy that `definePolicy` returned. */
  readonly policy: LimitName | Policy;
  /** Units, a safe integer of at least 0. Default: the policy's own cost. */
  readonly cost?: number;
}

/** The parsed and checked arguments of a method of the service. */
export interface ServiceRequest extends GivenValues {
  /** The method, for errors. */
  readonly method: string;
  /** A name or a Policy; checked when it is looked up. */
  readonly policy: unknown;
  /** Several policies, instead of one. */
  readonly charges?: readonly PolicyCharge[];
  readonly cost: number | undefined;
  readonly on: unknown;
  readonly response: object | undefined;
  readonly subject: string | undefined;
  readonly context: CallContext | undefined;
}

/** The arguments of `run`. */
export interface RunRequest extends ServiceRequest {
  readonly chargeWhen: ChargeWhen | undefined;
}

/** The limits and the call for a method of the service. */
export interface ServiceTarget {
  readonly limits: readonly CompiledLimit[];
  readonly call: Call;
  /** Undefined outside any call. */
  readonly session: CallSession | undefined;
}

const NO_OPTIONS: CallOptions = {};
/** The options of methods of the service. */
export const OPTIONS: readonly string[] = ['on', 'response', 'subject', 'context'];
/** The options of `run`. */
export const RUN_MEMBERS: readonly string[] = ['cost', 'chargeWhen', ...OPTIONS];
const A_POLICY = "a policy's name, or a policy that definePolicy() made";

/**
 * Parses `(policy?, cost?, options?)`.
 *
 * @throws RangeError for a cost that is not a safe integer of at least 0
 * @throws ThrottleConfigError for unknown options, and for a policy, a subject or an `on` that is present but
 *   `undefined`
 */
export function parseArguments(method: string, args: readonly unknown[]): ServiceRequest {
  if (args.length > 2 && args[0] === undefined) {
    throw missingValue(`${method}()`, A_POLICY, 'Without a policy, pass the cost and the options alone.');
  }
  const isPolicyFirst = typeof args[0] === 'string' || typeof args[0] === 'object' || args.length > 2;
  const costAt = isPolicyFirst ? 1 : 0;
  // A cost that was passed as undefined is a missing number, not a request for the default.
  const cost = args.length > costAt ? checkedCost(method, args[costAt], isPolicyFirst && args.length > 2) : undefined;
  return requestOf(method, isPolicyFirst ? args[0] : undefined, cost, args[costAt + 1]);
}

/**
 * Parses the arguments of a method without a cost.
 *
 * @throws ThrottleConfigError like `parseArguments`
 */
export function parseOptions(method: string, policy: unknown, options: unknown): ServiceRequest {
  return requestOf(method, policy, undefined, options);
}

/** Returns one object without spreading another into it, because `consume` creates it for each call. */
function requestOf(method: string, policy: unknown, cost: number | undefined, options: unknown): ServiceRequest {
  const { on, response, subject, context } = options === undefined ? NO_OPTIONS : checkedOptions(method, options);
  const mayQueue = method === 'consume' ? false : undefined;
  return { method, policy, cost, on, response, subject, context, mayQueue };
}

/**
 * Parses `(policy?, cost?, options?)` or `([{ policy, cost? }, ...], options?)`.
 *
 * @throws like `parseArguments`, and for an array that is empty or names a policy twice
 */
export function parseChargeArguments(method: string, args: readonly unknown[]): ServiceRequest {
  // Reads by index: destructuring an array is several times as expensive.
  const list = args[0];
  if (!Array.isArray(list)) return parseArguments(method, args);
  const charges = checkedCharges(method, list);
  if (args.length > 2) {
    throw new ThrottleConfigError(
      'SLUICE_INVALID_ARGUMENT',
      `${method}(): a list of policies contains its costs. Pass only the options after it: ${method}([{ policy, cost }], options).`,
    );
  }
  return { ...parseOptions(method, undefined, args[1]), charges };
}

/**
 * Parses the arguments of `run`: a policy, options and a function.
 *
 * @throws like `parseArguments`, and ThrottleConfigError for an invalid `chargeWhen`
 */
export function parseRunArguments(policy: unknown, options: unknown, fn: unknown): RunRequest {
  const place = 'run()';
  if (policy === undefined) throw missingValue(place, A_POLICY);
  if (typeof options === 'function')
    throw invalidArgument(place, 'options as the second argument, such as run(policy, {}, fn)', options);
  if (typeof fn !== 'function') throw invalidArgument(place, 'a function to run as the third argument', fn);
  if (!isObject(options)) throw invalidArgument(place, `options { ${RUN_MEMBERS.join('?, ')}? }`, options);
  assertKnownMembers(place, options, RUN_MEMBERS);
  assertOptions(place, options, { chargeWhen: CHARGE_WHEN_CHECK });
  const { cost, chargeWhen, ...call }: RunOptions = options;
  if ('cost' in options) assertCost(cost, 'run({ cost })');
  return { ...parseOptions('run', policy, call), cost, chargeWhen };
}

/**
 * Parses the arguments of `debit` and `credit`: a policy, units and options.
 *
 * @param expected the name of the units in errors
 * @throws like `parseArguments`, and ThrottleConfigError without a policy
 */
export function parseAdjustmentArguments(
  method: string,
  policy: unknown,
  units: unknown,
  options: unknown,
  expected?: string,
): ServiceRequest {
  if (policy === undefined) throw missingValue(`${method}()`, A_POLICY);
  assertCost(units, methodPlace(method, policy), expected);
  return requestOf(method, policy, units, options);
}

/** Parses the arguments of `tally`. @throws ThrottleConfigError like `parseArguments`, and without a policy */
export function parseTallyArguments(policy: unknown, options: unknown): ServiceRequest {
  if (policy === undefined) throw missingValue('tally()', A_POLICY);
  return parseOptions('tally', policy, options);
}

const A_CHARGE = 'a policy and its cost such as { policy: "upload", cost: 3 }';

function checkedCharges(method: string, list: readonly unknown[]): readonly PolicyCharge[] {
  if (list.length === 0)
    throw invalidArgument(`${method}()`, `a list of policies such as [{ policy: "upload", cost: 3 }]`, list);
  const seen = new Map<unknown, number>();
  // Not `list.map`, which skips holes.
  return Array.from(list, (item, i) => {
    const place = `${method}()[${i}]`;
    if (!isCharge(item)) throw invalidArgument(place, A_CHARGE, item);
    assertKnownMembers(place, item, ['policy', 'cost']);
    const { policy } = item;
    if (policy === undefined) throw missingValue(`${place}.policy`, A_POLICY);
    if ('cost' in item) assertCost(item.cost, `${place}.cost`);
    const first = seen.get(policy);
    if (first !== undefined) {
      throw new ThrottleConfigError(
        'SLUICE_INVALID_ARGUMENT',
        `${place}: has the same policy as [${first}]. Combine their costs in one of them.`,
      );
    }
    seen.set(policy, i);
    return item;
  });
}

function isCharge(item: unknown): item is PolicyCharge {
  return isObject(item) && 'policy' in item;
}

/** @param isBetween true if the cost is between a policy and options, so that it cannot be omitted */
function checkedCost(method: string, cost: unknown, isBetween: boolean): number {
  if (cost === undefined && isBetween) {
    throw new RangeError(
      `${method}(): expected a cost that is a safe integer of at least 0, got undefined. ` +
        `For the policy's own cost, pass a list: ${method}([{ policy }], options).`,
    );
  }
  assertCost(cost, `${method}()`);
  return cost;
}

function checkedOptions(method: string, options: unknown): CallOptions {
  if (!isObject(options))
    throw invalidArgument(
      `${method}()`,
      'options { on?, response?, subject?, context? } as the last argument',
      options,
    );
  for (const member in options) {
    if (member !== 'subject' && member !== 'on' && member !== 'response' && member !== 'context')
      assertKnownMembers(`${method}()`, options, OPTIONS);
  }
  const { on, response, subject, context = {} }: CallOptions = options;
  if (subject === undefined) assertNotMissing(`${method}()`, options, 'subject', 'a string that is not empty');
  if (on === undefined) assertNotMissing(`${method}()`, options, 'on', 'an execution context, a request or a socket');
  if (response !== undefined) assertResponse(method, response, on);
  if (!isObject(context)) throw invalidArgument(`${method}({ context })`, 'an object', context);
  return options;
}

function assertResponse(method: string, response: unknown, on: unknown): void {
  const place = `${method}({ response })`;
  const isResponse =
    isObject(response) && ['setHeader', 'header'].some((name) => typeof Reflect.get(response, name) === 'function');
  if (!isResponse) throw invalidArgument(place, 'the response of the request in `on`', response);
  if (on === undefined)
    throw new ThrottleConfigError(
      'SLUICE_INVALID_ARGUMENT',
      `${place}: expected its request as well, { on: request, response }`,
    );
}

/** Returns the name of a method for errors, with its policy argument, which may be any value, such as a symbol. */
export function methodPlace(method: string, policy: unknown): string {
  return typeof policy === 'string' ? `${method}("${policy}")` : `${method}()`;
}
