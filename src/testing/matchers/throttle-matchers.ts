import { assertKnownMembers, invalidArgument } from '../../core/errors.js';
import { isResponse, type ReportedLimit, type ReportedLimits, reportedLimits } from './reported-limits.js';

/** The expectations of `toBeThrottled`, in addition to the status 429. */
export interface ThrottledExpectation {
  /** The value of `Retry-After` in seconds; `null` if there must be no such header, because the cost can never pass. */
  readonly retryAfterSeconds?: number | null;
}

/** The matchers, as called by tests. `R` is the result type of an assertion. */
export interface ThrottleMatchers<R = void> {
  /** Passes if the status is 429, and the wait is the expected one, if given. */
  toBeThrottled(expected?: ThrottledExpectation): R;
  /**
   * Passes if a header reports a limit, and the status is neither 429 nor 503: the request was limited, and allowed.
   */
  toBeWithinRateLimit(): R;
  /** Passes if a header reports a limit with all of these values. */
  toHaveRateLimit(expected?: ReportedLimit): R;
}

declare global {
  // Both @types/jest and Vitest read the matchers of this namespace. Neither needs to be installed.
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: declarations that are merged have to have the same parameters
    interface Matchers<R, T = {}> extends ThrottleMatchers<R> {}
  }
}

/** The result of a matcher for Jest and Vitest. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

const LIMIT_MEMBERS = ['policy', 'limit', 'remaining', 'windowSeconds', 'resetSeconds'] as const;

/**
 * Matchers for the responses of limited routes, for `expect.extend` of Jest and Vitest. They accept responses of
 * supertest, fetch, Fastify's `inject`, axios, and Node's IncomingMessage.
 *
 * @throws ThrottleConfigError for a misspelt expectation
 * @example
 * expect.extend(throttleMatchers);
 * expect(await request(server).get('/search')).toHaveRateLimit({ policy: 'search', limit: 10, remaining: 9 });
 * expect(await fetch(url)).toBeThrottled({ retryAfterSeconds: 60 });
 */
export const throttleMatchers = {
  toBeThrottled(received: unknown, expected: ThrottledExpectation = {}): MatcherResult {
    const matcher = 'toBeThrottled';
    assertExpectation(matcher, expected, ['retryAfterSeconds']);
    const { retryAfterSeconds: wait } = expected;
    return conclude(matcher, received, expected, ({ status, retryAfterSeconds }) => {
      return status === 429 && (wait === undefined || wait === (retryAfterSeconds ?? null));
    });
  },

  toBeWithinRateLimit(received: unknown): MatcherResult {
    const isWithin = ({ status, limits }: ReportedLimits) => status !== 429 && status !== 503 && limits.length > 0;
    return conclude('toBeWithinRateLimit', received, {}, isWithin);
  },

  toHaveRateLimit(received: unknown, expected: ReportedLimit = {}): MatcherResult {
    const matcher = 'toHaveRateLimit';
    assertExpectation(matcher, expected, LIMIT_MEMBERS);
    const members = LIMIT_MEMBERS.filter((member) => expected[member] !== undefined);
    return conclude(matcher, received, expected, ({ limits }) =>
      limits.some((limit) => members.every((member) => limit[member] === expected[member])),
    );
  },
};

function conclude(
  matcher: string,
  received: unknown,
  expected: object,
  isMet: (found: ReportedLimits) => boolean,
): MatcherResult {
  if (!isResponse(received)) {
    throw invalidArgument(
      `expect(response).${matcher}()`,
      'a response with headers, and with status or statusCode',
      received,
    );
  }
  const found = reportedLimits(received);
  const pass = isMet(found);
  const call = `expect(response).${pass ? 'not.' : ''}${matcher}(${describe(expected)})`;
  return { pass, message: () => `${call}\n\nReceived: ${describeReported(found)}` };
}

function describeReported({ status, limits, retryAfterSeconds }: ReportedLimits): string {
  const wait = retryAfterSeconds === undefined ? 'no Retry-After' : `Retry-After: ${retryAfterSeconds}`;
  const reported =
    limits.length === 0 ? ['  no header reports a limit'] : limits.map((limit) => `  ${describe(limit)}`);
  return [`status ${status}, ${wait}`, ...reported].join('\n');
}

function describe(members: object): string {
  const shown = Object.entries(members).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return shown.length === 0 ? '' : `{ ${shown.join(', ')} }`;
}

/** Throws for a misspelt member, which would otherwise be ignored. */
function assertExpectation(matcher: string, expected: unknown, known: readonly string[]): void {
  const place = `expect(response).${matcher}()`;
  if (typeof expected !== 'object' || expected === null)
    throw invalidArgument(place, 'an object of expected values', expected);
  assertKnownMembers(place, expected, known);
  for (const [member, value] of Object.entries(expected)) {
    if (value === undefined) throw invalidArgument(`${place}: ${member}`, 'a value, or no such member', value);
  }
}
