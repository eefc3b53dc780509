/** The state of one limit as reported by a response. A member is undefined if no header contains it. */
export interface ReportedLimit {
  /** The policy's name; undefined in headers without names (`X-RateLimit-*`, and the drafts up to 7). */
  readonly policy?: string;
  /** Units that the full limit grants. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds in which `limit` units are granted. */
  readonly windowSeconds?: number;
  /** Seconds until the limit is full again or, for a denied call, until it may be retried. */
  readonly resetSeconds?: number;
}

/** The limits as reported by a response. */
export interface ReportedLimits {
  readonly status: number;
  /** The limits in the order of the header; empty if no header reports a limit. */
  readonly limits: readonly ReportedLimit[];
  /** The `Retry-After` header in seconds; undefined if there is none, or if it is not a number. */
  readonly retryAfterSeconds?: number;
}

/**
 * A response of a test client: of supertest, fetch, Fastify's `inject`, axios, or Node's IncomingMessage. It has
 * `status` or `statusCode`, and `headers`, as an object or with a method `get`.
 */
export interface AnyResponse {
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly headers: object;
}

/** Returns true for a response with a status and headers. */
export function isResponse(value: unknown): value is AnyResponse {
  if (typeof value !== 'object' || value === null) return false;
  const { headers } = value as Partial<AnyResponse>; // any member of any object may be read
  return typeof headers === 'object' && headers !== null && !Number.isNaN(statusOf(value as AnyResponse));
}

/**
 * Reads the limits that a response reports: in `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers, versions 8 to 11), in `RateLimit` of version 7, in `RateLimit-Limit`,
 * `-Remaining` and `-Reset` of version 6, or in `X-RateLimit-*`. If there are several forms, the newest one is used.
 *
 * @throws TypeError for a value without a status and headers
 * @example
 * const { status, limits } = reportedLimits(await fetch(url));
 * assert.deepEqual([status, limits[0]?.remaining], [200, 9]);
 */
export function reportedLimits(response: AnyResponse): ReportedLimits {
  if (!isResponse(response)) {
    throw new TypeError('reportedLimits: expected a response with headers, and with status or statusCode');
  }
  const header = (name: string) => headerOf(response.headers, name);
  const retryAfterSeconds = numberIn(header('retry-after'));
  return {
    status: statusOf(response),
    limits: namedLimits(header) ?? unnamedLimits(header),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}

type Header = (name: string) => string | undefined;

function statusOf({ status, statusCode }: AnyResponse): number {
  return Number(typeof status === 'number' ? status : (statusCode ?? Number.NaN));
}

function headerOf(headers: object, name: string): string | undefined {
  const get: unknown = Reflect.get(headers, 'get');
  const found: unknown =
    typeof get === 'function' ? Reflect.apply(get, headers, [name]) : Reflect.get(headers, ownName(headers, name));
  if (found === undefined || found === null) return undefined;
  return Array.isArray(found) ? found.join(', ') : String(found);
}

/**
 * Returns the name of a header as the object spells it. Node and the clients use lower case; an object written by hand
 * may not.
 */
function ownName(headers: object, name: string): string {
  return name in headers ? name : (Object.keys(headers).find((one) => one.toLowerCase() === name) ?? name);
}

/**
 * An item of a structured list (RFC 9651): a name in quotes, and its parameters. Policy names contain no quotes or
 * commas.
 */
const ITEM = /"([^"]*)"((?:;[a-z]+=[^,;"]+|;[a-z]+=:[^:]*:|;[a-z]+="[^"]*")*)/g;

function itemsOf(field: string | undefined): ReadonlyMap<string, string> {
  return new Map([...(field ?? '').matchAll(ITEM)].map(([, name = '', parameters = '']) => [name, parameters]));
}

function parameter(parameters: string | undefined, key: string): number | undefined {
  return numberIn(parameters?.match(new RegExp(`(?:^|[;,\\s])${key}=(\\d+)`))?.[1]);
}

/** Reads versions 8 to 11 of the draft: two lists of policies by name. */
function namedLimits(header: Header): readonly ReportedLimit[] | undefined {
  const policies = itemsOf(header('ratelimit-policy'));
  const states = itemsOf(header('ratelimit'));
  const names = [...new Set([...policies.keys(), ...states.keys()])];
  if (names.length === 0) return undefined;
  return names.map((policy) => ({
    policy,
    ...known({
      limit: parameter(policies.get(policy), 'q'),
      windowSeconds: parameter(policies.get(policy), 'w'),
      remaining: parameter(states.get(policy), 'r'),
      resetSeconds: parameter(states.get(policy), 't'),
    }),
  }));
}

/** Reads one limit without a name: in one field (version 7), in three (version 6), or in three of `X-RateLimit-*`. */
function unnamedLimits(header: Header): readonly ReportedLimit[] {
  const field = header('ratelimit');
  const windowSeconds = parameter(header('ratelimit-policy'), 'w');
  if (field !== undefined) {
    const [limit, remaining, resetSeconds] = ['limit', 'remaining', 'reset'].map((key) => parameter(field, key));
    return [known({ limit, remaining, resetSeconds, windowSeconds })];
  }
  for (const prefix of ['ratelimit', 'x-ratelimit']) {
    const [limit, remaining, resetSeconds] = ['limit', 'remaining', 'reset'].map((one) =>
      numberIn(header(`${prefix}-${one}`)),
    );
    if (limit !== undefined || remaining !== undefined) {
      return [
        known({ limit, remaining, resetSeconds, windowSeconds: prefix === 'ratelimit' ? windowSeconds : undefined }),
      ];
    }
  }
  return [];
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

type Numbers = { readonly [Member in Exclude<keyof ReportedLimit, 'policy'>]: number | undefined };

function known(numbers: Numbers): ReportedLimit {
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
}
