import { scopedSubject, unscopedSubject } from '../../core/key.js';
import type { Call } from '../../transports/call.js';
import { userSubject } from '../../transports/identity/subject.js';
import { userIdOf } from '../../transports/identity/user-lookup.js';
import { memberAt } from '../../transports/member.js';

/** The subject whose plan is looked up and cached. */
export interface PlanHolder {
  /** The subject as users write it. */
  readonly subject: string;
  /** The subject within its context scope. Each scope has its own plans. */
  readonly key: string;
}

/** Parameters of the look-up of a plan. */
export interface PlanRequest {
  /** The subject that the policy charges, within `scope`; undefined without a policy. */
  readonly charged: string | undefined;
  /** The scope of the call's context. */
  readonly scope: string | undefined;
  /** The subject that was passed to a method of the service. */
  readonly given: string | undefined;
  /** True if no plan means the default plan. False in the guard phase, where the plan may not be known yet. */
  readonly isFinal: boolean;
}

/**
 * Returns whose plan applies to a call: that of the subject that the policy charges or that was passed to the service,
 * unless it is an address; else that of the user. Undefined if only an address is known, because its callers may have
 * different plans.
 */
export function holderOf(call: Call, { charged, scope, given }: PlanRequest): PlanHolder | undefined {
  const subject = given ?? callerOf(charged && unscopedSubject(scope, charged), call);
  return subject === undefined ? undefined : { subject, key: scopedSubject(scope, subject) };
}

/**
 * Returns the holder of the result of `of` for a subject that was passed to the service, if `of` does not take a
 * subject. Its result is then the same for all subjects and must not be used for calls of this subject; within another
 * call it is about that call.
 */
export function holderOutside({ type }: Call, { subject, key }: PlanHolder): PlanHolder | undefined {
  return type === 'none' ? { subject, key: `given:${key}` } : undefined;
}

/** The prefix of subjects joined by `by.each`. */
const JOINED = 'each:';
/** Subjects that several callers share: addresses, paths, `by.all()`. */
const SHARED = /^(?:ip:|path:|all$)/;
/** The prefix of subjects of sockets. Several users may sign in on one socket, one after another. */
const CONNECTION = 'conn:';

/**
 * Returns the subject under which facts about a caller may be cached: the charged subject if it identifies a caller,
 * else the user of the call. For a socket it is the user. Undefined if only an address is known, which several callers
 * may share.
 *
 * @param charged the subject that `by` of the policy returned; undefined without a policy
 */
function callerOf(charged: string | undefined, call: Call): string | undefined {
  if (charged === undefined || !isCaller(charged)) return userOf(call);
  return charged.startsWith(CONNECTION) ? (userOf(call) ?? charged) : charged;
}

function isCaller(subject: string): boolean {
  return subject.startsWith(JOINED) ? partsOf(subject).some(isCaller) : !SHARED.test(subject);
}

/** Splits a joined subject. Each part is preceded by its length. */
function partsOf(joined: string): readonly string[] {
  const parts: string[] = [];
  let at = JOINED.length;
  while (at < joined.length) {
    const start = joined.indexOf(':', at) + 1;
    const length = Number(joined.slice(at, start - 1));
    if (start === 0 || !Number.isSafeInteger(length)) break;
    parts.push(joined.slice(start, start + length));
    at = start + length;
  }
  return parts;
}

/** Returns the user as `by.user()` finds it. Ignores a value that is not an id. */
function userOf({ request, client }: Call): string | undefined {
  for (const holder of [client, memberAt(client, ['data']), request]) {
    const id = userIdOf(memberAt(holder, ['user', 'id']));
    if (typeof id === 'string') return userSubject(id);
  }
  return undefined;
}
