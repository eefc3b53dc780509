import type { HoldReference, HoldRequest } from '../../../../../src/backends/hold-store.js';
import { BudgetWindow } from '../../../../../src/backends/holds/budget-window.js';
import { MemoryBackend } from '../../../../../src/backends/memory/memory.backend.js';
import {
  changeArgs,
  type HeldCharge,
  type HoldVerb,
  TakeRequest,
} from '../../../../../src/backends/redis/scripts/hold-codec.js';
import { ManualClock } from '../../../../../src/core/clock.js';
import type { Charge, Decision } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../../../src/strategies/built-in-strategies.js';
import { concurrency } from '../../../../../src/strategies/held/concurrency.js';
import type { State } from '../../../../../src/strategies/strategy.js';
import { Reply } from './reply.js';
import type { Run } from './script-run.js';

/** When a run is made. */
export interface HoldsAt {
  /** The instant that decides. */
  readonly now: number;
  /** The server's time, if the instant is another one, which is an argument then. */
  readonly serverMs?: number;
  /** In the server's milliseconds. Default: the server's time. */
  readonly deadline?: number;
}

interface Model {
  /** By the arguments of the latest call. */
  window: BudgetWindow;
  readonly policy: Policy;
  state: State;
  expiresMs: number;
  /** In order of expiry, and of their ids as texts. */
  holds: { readonly id: number; readonly units: number; readonly expiresAt: number }[];
}

const WINDOWS_KEPT = 3;

/** Records runs of take.lua and hold.lua: with the replies of the memory backend, and the writes of a model of the three keys. */
export class HoldRecorder {
  readonly #clock = new ManualClock();
  readonly #memory = new MemoryBackend({ clock: this.#clock });
  readonly #models = new Map<string, Model>();

  take(holds: readonly HoldRequest[], at: HoldsAt, { charges = [], isPeek = false }: TakeOptions = {}): Run {
    const run = this.#at(at);
    this.#clock.set(at.now);
    const { serverMs, deadline } = run;
    const asHolds = holds.map(
      (hold): HeldCharge => ({ policy: hold.policy, subject: hold.subject, cost: hold.units, hold }),
    );
    const { args } = new TakeRequest([...asHolds, ...charges], isPeek ? 'peek' : 'spend', run.instant, deadline);
    const reply = new Reply();
    for (const { policy } of charges) reply.ask(policy);
    const told: number[] = [];
    const lines: string[] = [];
    const flags: number[] = [];
    if (!isPeek && serverMs > deadline) told.push(4);
    else {
      const before = new Set(holds.filter((hold) => this.#isOpen(hold, at.now)).map(nameOf));
      const outcome = this.#memory.holds[isPeek ? 'peek' : 'take'](holds, charges);
      const seen = new Set<string>();
      const added = holds.filter((hold) => {
        const isNew = hold.units > 0 && !before.has(nameOf(hold)) && !seen.has(nameOf(hold));
        if (hold.units > 0) seen.add(nameOf(hold));
        flags.push(isNew ? 1 : before.has(nameOf(hold)) ? 2 : 0);
        return isNew;
      });
      for (const decision of outcome.decisions.slice(0, holds.length)) told.push(...inFull(decision));
      outcome.decisions.slice(holds.length).forEach((decision, i) => {
        const charge = charges[i];
        if (charge !== undefined) reply.charge(charge.policy, decision);
      });
      if (!isPeek) {
        const charged = new Set<Model>();
        for (const model of new Set(holds.map((hold) => this.#modelOf(hold))))
          this.#expire(model, at.now, lines, charged);
        if (outcome.allowed) for (const hold of added) this.#add(hold, at.now, run.marginMs, lines);
        for (const model of charged) this.#write(model, at.now, run, lines);
        if (outcome.receipt !== undefined) lines.push(...this.#charge(outcome.receipt.charges, at.now, run));
      }
    }
    const policies = reply.values.length - reply.calls.length;
    const values = [...reply.values.slice(0, policies), ...told, ...reply.calls, ...flags];
    const keys = [...charges.map(keyFor), ...holds.flatMap(keysFor)];
    return this.#run('take', keys, args, run, [serverMs, at.now, ...values], lines);
  }

  extend(holds: readonly HoldReference[], ttlMs: number, at: HoldsAt): Run {
    return this.#change('extend', holds, at, ttlMs, (model, { id }, run, lines) => {
      const hold = model.holds.find((one) => one.id === id);
      const expiresAt = at.now + ttlMs;
      if (hold === undefined || expiresAt <= hold.expiresAt) return;
      const latest = latestOf(model);
      lines.push(`ZADD ${keyOf(model)}!h XX ${expiresAt} ${id}`);
      this.#put(model, { ...hold, expiresAt });
      this.#keep(model, expiresAt, latest, at.now, run.marginMs, lines);
    });
  }

  grow(hold: HoldReference, units: number, at: HoldsAt): Run {
    return this.#change('grow', [{ ...hold, units }], at, 0, (model, { id }, _run, lines, isAllowed) => {
      const open = model.holds.find((one) => one.id === id);
      if (open === undefined || !isAllowed || units <= open.units) return;
      this.#put(model, { ...open, units });
      lines.push(`HSET ${keyOf(model)}!u ${id} ${units}  ${heldOf(model)}`);
    });
  }

  end(holds: readonly (HoldReference & { readonly units: number })[], at: HoldsAt): Run {
    return this.#change('end', holds, at, 0, (model, { id, units = 0 }, _run, lines, _isAllowed, charged) => {
      if (!model.holds.some((one) => one.id === id)) return;
      model.holds = model.holds.filter((one) => one.id !== id);
      lines.push(`ZREM ${keyOf(model)}!h ${id}`, `HDEL ${keyOf(model)}!u ${id}`, sumLine(model));
      if (units === 0 || model.policy.strategy === concurrency.name) return;
      model.state = model.window.charge(model.state, at.now, units);
      charged.add(model);
    });
  }

  close(): void {
    void this.#memory.close();
  }

  #change(
    verb: HoldVerb,
    holds: readonly (HoldReference & { readonly units?: number })[],
    at: HoldsAt,
    ttlMs: number,
    apply: (
      model: Model,
      hold: HoldReference & { readonly units?: number },
      run: RunTimes,
      lines: string[],
      isAllowed: boolean,
      charged: Set<Model>,
    ) => void,
  ): Run {
    const run = this.#at(at);
    this.#clock.set(at.now);
    const told: number[] = [];
    const lines: string[] = [];
    if (run.serverMs > run.deadline) told.push(4);
    else {
      const charged = new Set<Model>();
      const store = this.#memory.holds;
      let isAllowed = true;
      if (verb === 'extend') told.push(...store.extend(holds, ttlMs).map(Number));
      else if (verb === 'end') told.push(...store.end(holds.map((hold) => ({ units: 0, ...hold }))).map(Number));
      else {
        const [grown] = holds;
        const decision = grown && store.grow(grown, grown.units ?? 0);
        isAllowed = decision?.allowed ?? false;
        told.push(...(decision === undefined ? [0] : inFull(decision)));
      }
      for (const hold of holds) {
        const model = this.#modelOf(hold);
        this.#expire(model, at.now, lines, charged);
        apply(model, hold, run, lines, isAllowed, charged);
      }
      for (const model of charged) this.#write(model, at.now, run, lines);
    }
    const args = changeArgs(run.instant, run.deadline, verb, holds, ttlMs);
    return this.#run('hold', holds.flatMap(keysFor), args, run, [run.serverMs, at.now, ...told], lines);
  }

  #run(
    script: 'take' | 'hold',
    keys: readonly string[],
    args: readonly string[],
    { serverMs }: RunTimes,
    reply: readonly number[],
    lines: readonly string[],
  ): Run {
    return { script, keys, args, timeUs: serverMs * 1000 + 999, expected: { reply, written: lines.toSorted() } };
  }

  #at({ now, serverMs, deadline }: HoldsAt): RunTimes {
    const isTold = serverMs !== undefined;
    return {
      serverMs: serverMs ?? now,
      deadline: deadline ?? serverMs ?? now,
      instant: isTold ? String(now) : '',
      marginMs: isTold ? 3_600_000 : 1000,
    };
  }

  #isOpen(hold: HoldReference, now: number): boolean {
    return this.#modelOf(hold).holds.some(({ id, expiresAt }) => id === hold.id && expiresAt > now);
  }

  #modelOf(hold: HoldReference): Model {
    const key = keyFor(hold);
    let model = this.#models.get(key);
    const found = BUILT_IN_STRATEGIES.find(({ name }) => name === hold.policy.strategy) ?? concurrency;
    const window = new BudgetWindow(hold.policy, found, hold.arguments);
    if (model === undefined) {
      model = { window, policy: hold.policy, state: [], expiresMs: 0, holds: [] };
      this.#models.set(key, model);
      keys.set(model, key);
    }
    model.window = window;
    return model;
  }

  #expire(model: Model, now: number, lines: string[], charged: Set<Model>): void {
    const expired = model.holds.filter(({ expiresAt }) => expiresAt <= now);
    if (expired.length === 0) return;
    const ids = expired.map(({ id }) => id).join(' ');
    model.holds = model.holds.filter(({ expiresAt }) => expiresAt > now);
    lines.push(`ZREM ${keyOf(model)}!h ${ids}`, `HDEL ${keyOf(model)}!u ${ids}`, sumLine(model));
    if (!isCharged(model)) return;
    for (const { expiresAt, units } of expired) model.state = model.window.charge(model.state, expiresAt, units);
    charged.add(model);
  }

  #add({ id, units, ttlMs, ...hold }: HoldRequest, now: number, marginMs: number, lines: string[]): void {
    const model = this.#modelOf({ ...hold, id });
    const expiresAt = now + ttlMs;
    const latest = latestOf(model);
    this.#put(model, { id, units, expiresAt });
    lines.push(`ZADD ${keyOf(model)}!h ${expiresAt} ${id}`, `HSET ${keyOf(model)}!u ${id} ${units}  ${heldOf(model)}`);
    this.#keep(model, expiresAt, latest, now, marginMs, lines);
  }

  /** Keeps the keys until an expiry does not matter any more, unless a later one keeps them. */
  #keep(model: Model, expiresAt: number, latest: number, now: number, marginMs: number, lines: string[]): void {
    if (expiresAt <= latest) return;
    const ttlMs = expiresAt - now + marginMs + (isCharged(model) ? WINDOWS_KEPT * model.policy.periodMs : 0);
    lines.push(`PEXPIRE ${keyOf(model)}!h ${ttlMs}`, `PEXPIRE ${keyOf(model)}!u ${ttlMs}`);
  }

  #put(model: Model, hold: Model['holds'][number]): void {
    model.holds = [...model.holds.filter(({ id }) => id !== hold.id), hold].sort(
      (a, b) => a.expiresAt - b.expiresAt || (String(a.id) < String(b.id) ? -1 : 1),
    );
  }

  #write(model: Model, now: number, run: RunTimes, lines: string[]): void {
    const untilMs = run.serverMs + model.window.expiryOf(model.state, now) - now + run.marginMs;
    lines.push(this.#line(keyOf(model), model, untilMs, run.serverMs));
  }

  #line(key: string, model: Model, untilMs: number, serverMs: number): string {
    const isKept = model.expiresMs >= untilMs;
    const ttlMs = Math.ceil((untilMs - serverMs) * 1.25);
    if (!isKept) model.expiresMs = serverMs + ttlMs;
    const letter = model.policy.strategy === 'calendar' ? 'c' : 'f';
    return `SET ${key} S2${letter} ${model.expiresMs} ${model.state.join(' ')} ${isKept ? 'KEEPTTL' : `PX ${ttlMs}`}`;
  }

  #charge(charges: readonly Charge[], now: number, run: RunTimes): readonly string[] {
    return charges.map((charge) => {
      const model = this.#modelOf({ ...charge, id: 0 });
      model.state = model.window.charge(model.state, now, charge.cost);
      return this.#line(
        keyOf(model),
        model,
        run.serverMs + model.window.read(model.state, now).resetMs + run.marginMs,
        run.serverMs,
      );
    });
  }
}

interface TakeOptions {
  readonly charges?: readonly Charge[];
  readonly isPeek?: boolean;
}

interface RunTimes {
  readonly serverMs: number;
  readonly deadline: number;
  readonly instant: string;
  readonly marginMs: number;
}

const keys = new WeakMap<Model, string>();
const keyOf = (model: Model) => keys.get(model) ?? '';
const keyFor = ({ policy, subject }: { readonly policy: Policy; readonly subject: string }) =>
  `sluice:{${subject}}:${policy.id}`;
const keysFor = (hold: HoldReference) => [keyFor(hold), `${keyFor(hold)}!h`, `${keyFor(hold)}!u`];
const nameOf = (hold: HoldReference) => `${keyFor(hold)} ${hold.id}`;
const isCharged = ({ policy }: Model) => policy.held?.onExpiry === 'charge';
const heldOf = ({ holds }: Model) => holds.reduce((sum, { units }) => sum + units, 0);
const latestOf = ({ holds }: Model) => Math.max(0, ...holds.map(({ expiresAt }) => expiresAt));
const sumLine = (model: Model) =>
  model.holds.length === 0 ? `DEL ${keyOf(model)}!u` : `HSET ${keyOf(model)}!u  ${heldOf(model)}`;

/** A decision on a hold, which is always told in full. */
function inFull({ allowed, limit, remaining, resetMs, retryAfterMs, windowMs, window }: Decision): readonly number[] {
  const wait = retryAfterMs ?? -1;
  if (window === undefined) return [3, Number(allowed), limit, remaining, resetMs, wait, 0, windowMs];
  const { startMs, used } = window;
  return [11, Number(allowed), limit, remaining, resetMs, wait, 0, windowMs, startMs, used, used];
}
