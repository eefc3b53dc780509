import type { Charge, Decision, Outcome } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { Target } from '../backend.js';
import { type Linked, LinkedList } from './linked-list.js';

/** What a backend remembers unless it is told otherwise. */
export const DENIAL_CACHE_MS = 1000;
export const MAX_DENIALS = 10_000;

/** A denied call, and until when the same call is denied, too. */
interface CachedDenial {
  readonly charges: readonly Charge[];
  readonly outcome: Outcome;
  /** When the answer came: the waits in it are told from then on, and never too short. */
  readonly arrivedMs: number;
  /** Counted from before the question was sent: what is denied until then is denied by the server, too. */
  readonly untilMs: number;
}

/** A call on its way to whoever decides it. */
interface PendingLookup extends Linked<PendingLookup> {
  readonly charges: readonly Charge[];
  readonly askedMs: number;
  /** Whether something was given back or forgotten meanwhile: its answer may be of before. */
  isOutdated: boolean;
}

/**
 * Remembers denials, so that a flood on what is denied asks nobody. Never an allow: where it does not know, it does not
 * answer. A call is known by its whole list of charges, with their limits; where one was denied, a higher cost of it is,
 * too, and told the wait of the lower: what it waits for comes no sooner.
 */
export class DenialCache {
  readonly #open = new LinkedList<PendingLookup>();
  /** In the order in which they were learnt. */
  readonly #all = new Set<CachedDenial>();
  /** By the subjects of their charges. */
  readonly #bySubject = new Map<string, CachedDenial[]>();

  /**
   * @param forMs how long a denial is remembered at most
   * @param max denials remembered at most; the oldest makes room
   */
  constructor(
    private readonly forMs: number,
    private readonly max: number,
    private readonly now: () => number,
  ) {}

  /** The denial of these charges as it stands now, if one is known. */
  get(charges: readonly Charge[]): Outcome | undefined {
    const [first] = charges;
    if (first === undefined || this.#all.size === 0) return undefined;
    const denial = coveringOf(this.#bySubject.get(mapKey(first.subject)) ?? NONE, charges);
    if (denial === undefined) return undefined;
    const now = this.now();
    if (now < denial.untilMs && now >= denial.arrivedMs) return aged(denial.outcome, now - denial.arrivedMs);
    this.#drop(denial);
    return undefined;
  }

  /** Learns from what `ask` comes to. */
  learn(charges: readonly Charge[], ask: () => Promise<Outcome>): Promise<Outcome> {
    const question = { charges, askedMs: this.now(), isOutdated: false, previous: undefined, next: undefined };
    this.#open.add(question);
    return begun(ask).then(
      (outcome) => {
        this.#open.remove(question);
        // What was taken makes the waits longer that are remembered.
        if (outcome.allowed) this.#dropOn(charges);
        else if (!question.isOutdated) this.#remember(question, outcome);
        return outcome;
      },
      (error) => {
        this.#open.remove(question);
        throw error;
      },
    );
  }

  /** Forgets what was learnt, and what is about to be, of these budgets. */
  invalidate(targets: readonly Target[]): void {
    for (const question of this.#open) question.isOutdated ||= isOnAny(question.charges, targets);
    this.#dropOn(targets);
  }

  #remember({ charges, askedMs }: PendingLookup, outcome: Outcome): void {
    const untilMs = askedMs + Math.min(this.forMs, shortestWait(outcome.decisions));
    const arrivedMs = this.now();
    if (untilMs <= arrivedMs) return;
    const denial: CachedDenial = { charges, outcome, arrivedMs, untilMs };
    this.#all.add(denial);
    for (const subject of subjectsOf(charges)) {
      this.#bySubject.set(subject, [...(this.#bySubject.get(subject) ?? []), denial]);
    }
    for (const other of this.#bySubject.get(mapKey(charges[0]?.subject ?? '')) ?? []) {
      if (other !== denial && covers(denial, other.charges)) this.#drop(other);
    }
    const [oldest] = this.#all;
    if (this.#all.size > this.max && oldest !== undefined) this.#drop(oldest);
  }

  #dropOn(targets: readonly Target[]): void {
    if (this.#all.size === 0) return;
    for (const subject of subjectsOf(targets)) {
      for (const denial of this.#bySubject.get(subject) ?? []) if (isOnAny(denial.charges, targets)) this.#drop(denial);
    }
  }

  #drop(denial: CachedDenial): void {
    this.#all.delete(denial);
    for (const subject of subjectsOf(denial.charges)) {
      const others = this.#bySubject.get(subject)?.filter((known) => known !== denial) ?? [];
      if (others.length > 0) this.#bySubject.set(subject, others);
      else this.#bySubject.delete(subject);
    }
  }
}

/** What throws at once fails as what rejects. */
function begun(ask: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return ask();
  } catch (error) {
    return Promise.reject(error);
  }
}

const NONE: readonly CachedDenial[] = [];

/** What says that charges are denied. A loop, as below: a flood asks for little else, and a closure is half of its cost. */
function coveringOf(denials: readonly CachedDenial[], charges: readonly Charge[]): CachedDenial | undefined {
  for (const denial of denials) if (covers(denial, charges)) return denial;
  return undefined;
}

/** Whether a denial says that these charges are denied, too, and which of them. */
function covers({ charges: known, outcome }: CachedDenial, charges: readonly Charge[]): boolean {
  if (known.length !== charges.length) return false;
  for (let i = 0; i < known.length; i++) {
    const { policy, subject, cost } = known[i] as Charge;
    const asked = charges[i] as Charge;
    if (asked.subject !== subject || !isSame(asked.policy, policy)) return false;
    const isAtLeast = asked.cost === cost || (asked.cost > cost && outcome.decisions[i]?.allowed === false);
    if (!isAtLeast) return false;
  }
  return true;
}

/** Whether two policies are one budget, and count it alike. */
function isSame(a: Policy, b: Policy): boolean {
  return a === b || (a.id === b.id && a.limit === b.limit && a.burst === b.burst && a.shape === b.shape);
}

/** After it one of the policies would say something else. */
function shortestWait(decisions: readonly Decision[]): number {
  let waitMs = Number.POSITIVE_INFINITY;
  for (const { allowed, retryAfterMs } of decisions) {
    if (!allowed && retryAfterMs !== null) waitMs = Math.min(waitMs, retryAfterMs);
  }
  return waitMs;
}

function aged({ decisions, binding }: Outcome, elapsedMs: number): Outcome {
  const told: Decision[] = [];
  let speaks: Decision | null = null;
  for (const decision of decisions) {
    const { allowed, resetMs, retryAfterMs } = decision;
    const later: Decision = {
      ...decision,
      resetMs: Math.max(0, resetMs - elapsedMs),
      retryAfterMs: allowed || retryAfterMs === null ? retryAfterMs : retryAfterMs - elapsedMs,
    };
    if (decision === binding) speaks = later;
    told.push(later);
  }
  return { allowed: false, decisions: told, binding: speaks };
}

function isOnAny(charges: readonly Charge[], targets: readonly Target[]): boolean {
  return charges.some((charge) =>
    targets.some(({ policy, subject }) => charge.policy.id === policy.id && charge.subject === subject),
  );
}

function subjectsOf(targets: readonly Target[]): ReadonlySet<string> {
  return new Set(targets.map(({ subject }) => mapKey(subject)));
}
