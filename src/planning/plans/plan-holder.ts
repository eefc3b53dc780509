import { scopedSubject, unscopedSubject } from '../../core/key.js';
import type { Call } from '../../transports/call.js';
import { memberAt } from '../../transports/identity/member-path.js';
import { userSubject } from '../../transports/identity/subject.js';
import { userIdOf } from '../../transports/identity/user-lookup.js';

/** Whose plan is looked up, and kept. */
export interface PlanHolder {
  /** The subject, as users write it. */
  readonly subject: string;
  /** The same within its context scope: a scope has plans of its own. */
  readonly key: string;
}

/** Which plan is looked up. */
export interface PlanRequest {
  /** The subject that the policy charges, within `scope`; undefined without a policy. */
  readonly charged: string | undefined;
  /** The scope of the call's context. */
  readonly scope: string | undefined;
  /** The subject that a call of the service names. */
  readonly given: string | undefined;
  /** Whether no plan means the default plan. False in the guard phase: there, it is not known yet. */
  readonly isFinal: boolean;
}

/**
 * Returns who holds the plan of a call: the subject that the policy charges or that the service names, if that is no address, else
 * the user. Undefined: only an address is known, whose callers may have different plans.
 */
export function holderOf(call: Call, { charged, scope, given }: PlanRequest): PlanHolder | undefined {
  const subject = given ?? callerOf(charged && unscopedSubject(scope, charged), call);
  return subject === undefined ? undefined : { subject, key: scopedSubject(scope, subject) };
}

/**
 * Returns who holds what `of` says of a subject that a call of the service names, if `of` does not take the subject. It says
 * the same of all subjects then, and nothing that a call of this subject may use; within another call it speaks of that call.
 */
export function holderOutside({ type }: Call, { subject, key }: PlanHolder): PlanHolder | undefined {
  return type === 'none' ? { subject, key: `given:${key}` } : undefined;
}

/** The prefix of subjects that `by.each` joins. */
const JOINED = 'each:';
/** Subjects that callers share: addresses, paths, everybody. */
const SHARED = /^(?:ip:|path:|all$)/;
/** The prefix of subjects of sockets. Several users may sign in on one, in turn. */
const CONNECTION = 'conn:';

/**
 * Returns the subject under which facts about a caller may be kept: the one that is charged if it names a caller, else the user, if
 * the call has one. A socket stands for its user. Undefined for a call of which only an address is known, which callers share.
 *
 * @param charged the subject that a policy charges, as its `by` found it; undefined without a policy
 */
function callerOf(charged: string | undefined, call: Call): string | undefined {
  if (charged === undefined || !isCaller(charged)) return userOf(call);
  return charged.startsWith(CONNECTION) ? (userOf(call) ?? charged) : charged;
}

function isCaller(subject: string): boolean {
  return subject.startsWith(JOINED) ? partsOf(subject).some(isCaller) : !SHARED.test(subject);
}

/** Returns the subjects that were joined, each of which has its length in front. */
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

/** Returns the user as `by.user()` finds it. A value that is no id names nobody here. */
function userOf({ request, client }: Call): string | undefined {
  for (const holder of [client, memberAt(client, ['data']), request]) {
    const id = userIdOf(memberAt(holder, ['user', 'id']));
    if (typeof id === 'string') return userSubject(id);
  }
  return undefined;
}
