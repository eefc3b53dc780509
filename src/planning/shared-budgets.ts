import type { Class } from './class-members.js';
import type { CompiledLimit } from './compiled-limit.js';
import type { SharedIdentity } from './handler-identity.js';
import type { HandlerLimits } from './handler-limits.js';

/** Returns the limits of a method, or of all methods of a class. */
type LimitsOf = (type: Class, method: string | undefined) => readonly HandlerLimits[];

/** Returns a warning for each identity whose owners share a budget but count it differently or twice. */
export function sharedBudgetWarnings(shared: readonly SharedIdentity[], limitsOf: LimitsOf): readonly string[] {
  return shared.flatMap((identity) => {
    const owners = identity.owners.map(({ type, method }) => ({
      name: nameOf({ type, method }),
      limits: describe(limitsIn(identity, limitsOf(type, method))),
    }));
    const texts = new Set(owners.map(({ limits }) => limits));
    if (identity.runsAll) return texts.size === 1 && texts.has('') ? [] : [chargedTwice(identity)];
    // A class without a limit does not use the budget of another class.
    if (identity.level === 'class') texts.delete('');
    return texts.size < 2 ? [] : [countedDifferently(identity, owners)];
  });
}

/** Routes with the same address are compared by all their limits; all others by the limits that share a budget. */
function limitsIn(
  { level, id, runsAll }: SharedIdentity,
  handlers: readonly HandlerLimits[],
): readonly CompiledLimit[] {
  const limits = new Set(handlers.flatMap(({ automatic, explicit }) => [...automatic, ...explicit]));
  const isRoute = level === 'handler' && !runsAll;
  return isRoute ? [...limits] : [...limits].filter(({ scope }) => scope === `${level}:${id}`);
}

function describe(limits: readonly CompiledLimit[]): string {
  const texts = limits.flatMap(({ name, policies }) =>
    policies.fixed === undefined && policies.plans === undefined
      ? [`${name} by a function`]
      : policies.known.map(
          (policy) =>
            `${policy.name} ${policy.limit} in ${policy.periodMs} ms (${policy.strategy}, ${policy.burst}, ${policy.segments})`,
        ),
  );
  return [...new Set(texts)].sort().join(', ');
}

interface Owner {
  readonly name: string;
  readonly limits: string;
}

function countedDifferently({ level, id }: SharedIdentity, owners: readonly Owner[]): string {
  const address = level === 'class' ? 'smallest address' : 'address';
  const limits = owners.map(({ name, limits }) => `${name}: ${limits === '' ? 'none' : limits}`).join('; ');
  return (
    `${names(owners.map(({ name }) => name))} have the same ${address}, "${id}", which identifies their budgets, but different limits (${limits}). ` +
    'Give them the same limits, or one of them another path or an id: @Throttle("5/min", { id: "a name" }).'
  );
}

/** Returns the warning for handlers that all run and cannot be distinguished. */
export function chargedTwice({ id, owners }: SharedIdentity): string {
  return (
    `${names(owners.map(nameOf))} have the same name and the same address, "${id}", so each call is charged to one budget several times. ` +
    'Rename one of the classes, or give one limit an id: @Throttle("5/min", { id: "a name" }).'
  );
}

function nameOf({ type, method }: SharedIdentity['owners'][number]): string {
  return method === undefined ? type.name : `${type.name}.${method}`;
}

function names(owners: readonly string[]): string {
  return owners.join(' and ');
}
