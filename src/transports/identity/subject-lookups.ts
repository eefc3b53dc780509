import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import type { By, Call, CallContext } from '../call.js';
import type { FoundSubject } from './subject.js';
import { findWithSearch, type UserSearch } from './user-lookup.js';

/** The part of a limit that determines who is charged. */
interface Lookup {
  readonly by: By;
  /** The context of the limit, which the function receives merged with that of the call. */
  readonly context: CallContext | undefined;
}

interface Answer extends Lookup {
  readonly search: UserSearch;
  readonly found: Awaitable<FoundSubject>;
}

/** Calls each `by` of a call's limits once: limits with the same function and context share its result. */
export class SubjectLookups {
  readonly #answers: Answer[] = [];

  /** Returns the result of `by`, like `findWithSearch`. */
  find({ by, context }: Lookup, call: Call, search: UserSearch | undefined): Awaitable<FoundSubject> {
    const answer = this.#answers.find((one) => isSame(one, { by, context })) ?? this.#ask({ by, context }, call);
    if (search === undefined) return answer.found;
    return chain(answer.found, (found) => {
      if (answer.search.isUserMissing) search.isUserMissing = true;
      return found;
    });
  }

  #ask(lookup: Lookup, call: Call): Answer {
    const search = { isUserMissing: false };
    const found: Awaitable<FoundSubject> = findWithSearch(lookup.by, call, search);
    // Each limit awaits the promise; a function of the user may return any thenable.
    const answer: Answer = { ...lookup, search, found: isPromise(found) ? Promise.resolve(found) : found };
    this.#answers.push(answer);
    return answer;
  }
}

/** Returns lookups if some of the limits share a `by`; else undefined, so that calls do not allocate them. */
export function sharedLookups(limits: readonly Lookup[]): SubjectLookups | undefined {
  for (let i = 1; i < limits.length; i++) {
    const limit = limits[i];
    for (let j = 0; j < i; j++) if (isSame(limit, limits[j])) return new SubjectLookups();
  }
  return undefined;
}

function isSame(one: Lookup | undefined, other: Lookup | undefined): boolean {
  return one?.by === other?.by && one?.context === other?.context;
}
