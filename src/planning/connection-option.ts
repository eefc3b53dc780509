import { ThrottleConfigError } from '../core/errors.js';
import type { Declaration, LimitUse } from '../decorators/metadata.js';
import type { Limit, PolicyOptions, What } from '../decorators/policy-options.js';
import type { Level } from './compiled-limit.js';
import { isObject } from './option-checks.js';

interface Split {
  /** What is written of calls. */
  readonly uses: readonly LimitUse[];
  /** What is written of new connections. */
  readonly connections: Limit | undefined;
}

/** Whether a limit of new connections is written on a class. */
export function hasConnections({ limits }: Declaration): boolean {
  return splitConnections(limits, 'class', '@Throttle').connections !== undefined;
}

/** Tells what is written at a place of calls, and what of new connections. @throws ThrottleConfigError naming the place */
export function splitConnections(uses: readonly LimitUse[], level: Level, place: string): Split {
  const found: Limit[] = [];
  const take = (options: object) => {
    const { connections, ...rest } = options as { connections?: Limit }; // checked where a policy is made of it
    if (connections !== undefined) found.push(connections);
    return rest;
  };
  const left = uses.flatMap((use): LimitUse[] => {
    const before = found.length;
    const more = isObject(use.more) ? take(use.more) : use.more;
    const whats = withoutConnections(use.what, take);
    if (found.length === before) return [use];
    if (whats.length === 0 && isEmpty(more)) return [];
    return [{ what: whats.length === 0 ? NOTHING : whats, more }];
  });
  if (found.length > 0 && level === 'method') {
    throw new ThrottleConfigError(
      `${place}, connections: expected on a gateway's class, which connections are made to, and not on a method.`,
    );
  }
  if (found.length > 1) {
    throw new ThrottleConfigError(
      `${place}, connections: there are two of them here. Join their rates: { connections: "10/s; 100/min" }.`,
    );
  }
  return { uses: left, connections: found[0] };
}

/** Stands where a rate is missing, which is an error that names the place. */
const NOTHING = {} as PolicyOptions;

function withoutConnections(what: What, take: (options: object) => object): readonly What[] {
  if (Array.isArray(what))
    return what.length === 0 ? [what] : what.flatMap((one: What) => withoutConnections(one, take));
  if (!isObject(what) || !('connections' in what)) return [what];
  const rest = take(what);
  return isEmpty(rest) ? [] : [rest as PolicyOptions]; // checked where a policy is made of it
}

function isEmpty(options: unknown): boolean {
  return options === undefined || (isObject(options) && Object.keys(options).length === 0);
}
