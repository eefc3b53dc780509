/**
 * The simulation behind bench/fleet.mjs: time, randomness, network, a server, and processes that run the library's
 * lease code.
 */
const dist = process.env.BENCH_DIST
  ? new URL(`file://${process.env.BENCH_DIST}/`)
  : new URL('../dist/esm/', import.meta.url);
const { LeaseManager } = await import(new URL('backends/leasing/lease-manager.js', dist));
const { orReturnLate } = await import(new URL('backends/resilience/with-deadline.js', dist));
const { UnitReturns } = await import(new URL('backends/unit-returns.js', dist));
const { fixedWindow } = await import(new URL('strategies/fixed-window.js', dist));
export const { definePolicy } = await import(new URL('strategies/define-policy.js', dist));

/** A seeded random number generator, the same in every run: mulberry32. */
export class Chance {
  #state;

  constructor(seed) {
    this.#state = seed;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(min, max) {
    return min + this.next() * (max - min);
  }

  /** Exponentially distributed, with this mean. */
  exponential(mean) {
    return -Math.log(1 - this.next()) * mean;
  }

  /** Log-normally distributed, with this median. */
  logNormal(median, sigma) {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return median * Math.exp(sigma * normal);
  }
}

/** A queue of events in true time, which is the time of the server's clock. A binary heap. */
export class Agenda {
  now = 0;
  #heap = [];
  #order = 0;

  get nextMs() {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  after(ms, run) {
    const heap = this.#heap;
    heap.push({ at: this.now + ms, order: this.#order++, run });
    for (let i = heap.length - 1; i > 0 && isBefore(heap[i], heap[(i - 1) >> 1]); i = (i - 1) >> 1)
      swap(heap, i, (i - 1) >> 1);
  }

  /** Runs the next event and awaits the promises that it settles. */
  async step() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        let least = left < heap.length && isBefore(heap[left], heap[i]) ? left : i;
        if (right < heap.length && isBefore(heap[right], heap[least])) least = right;
        if (least === i) break;
        swap(heap, i, least);
        i = least;
      }
    }
    this.now = first.at;
    if (first.run() !== false) await new Promise(setImmediate);
  }
}

const isBefore = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order);
function swap(heap, i, j) {
  const one = heap[i];
  heap[i] = heap[j];
  heap[j] = one;
}

/** Counts with the strategy itself. */
export class Server {
  state = [];
  granted = 0;
  returned = 0;
  requests = 0;

  constructor(agenda, policy) {
    this.agenda = agenda;
    this.policy = policy;
  }

  grant(wanted) {
    this.requests += 1;
    const at = Math.floor(this.agenda.now);
    const { remaining } = fixedWindow.step(this.state, at, this.policy, 0).decision;
    const granted = Math.min(wanted, remaining);
    const { state, decision } = fixedWindow.step(this.state, at, this.policy, granted);
    this.state = state;
    this.granted += granted;
    return { granted, remaining: decision.remaining, at, endsInMs: decision.resetMs };
  }

  takeBack({ at, charges }) {
    this.requests += 1;
    for (const { cost } of charges) {
      const after = fixedWindow.amend(this.state, Math.floor(this.agenda.now), this.policy, at, cost, 0);
      if (after !== this.state) this.returned += cost;
      this.state = after;
    }
  }
}

/** A process: its clock, its leases and its network. It is the backend of its leases. */
export class Member {
  #chance;
  #network;
  #server;
  #agenda;
  #returns = new UnitReturns(this);

  constructor(agenda, server, chance, network, lost) {
    this.#agenda = agenda;
    this.#server = server;
    this.#chance = chance;
    this.#network = network;
    this.lost = lost;
    this.start();
  }

  now() {
    return Math.floor(this.startedMs + this.offsetMs + (this.#agenda.now - this.startedMs) * this.rate);
  }

  /** Starts or restarts, with a new clock: hours away from the server's, and up to 0.1 % faster or slower. */
  start() {
    const { offsetMs, rate } = this.#network.clock(this.#chance);
    this.startedMs = this.#agenda.now;
    this.offsetMs = offsetMs;
    this.rate = rate;
    this.leases = new LeaseManager(this, this.#returns, this);
  }

  lease(target, wanted) {
    const reply = this.#request(wanted);
    let hasReplied = false;
    reply.then(() => {
      hasReplied = true;
    });
    const timeout = new Promise((_, reject) => {
      // The event returns false if it settles nothing: then no promise has to be awaited.
      this.#agenda.after(this.#network.timeoutMs, () => !hasReplied && reject(LATE));
    });
    return orReturnLate(
      reply,
      (grant) => Promise.race([grant, timeout]),
      ({ at, granted }) => {
        if (granted > 0) this.#returns.start({ at, charges: [{ ...target, cost: granted }] });
      },
    );
  }

  settle(receipt) {
    const deliver = () => {
      this.#server.takeBack(receipt);
      return false;
    };
    const lose = () => {
      for (const { cost } of receipt.charges) this.lost.units += cost;
    };
    this.#send(deliver, lose);
  }

  #send(deliver, lose = () => {}) {
    const { lossShare, latencyMs } = this.#network;
    if (this.#chance.next() < lossShare) lose();
    else this.#agenda.after(latencyMs(this.#chance), deliver);
  }

  /**
   * Requests a grant. Requests and replies may be lost, and a reply is lost if the process has restarted in the
   * meantime.
   */
  #request(wanted) {
    const { leases } = this;
    return new Promise((resolve) => {
      this.#send(() => {
        const grant = this.#server.grant(wanted);
        const lose = () => {
          this.lost.units += grant.granted;
          return false;
        };
        this.#send(() => (this.leases === leases ? resolve(grant) : lose()), lose);
        return false;
      });
    });
  }
}

const LATE = new Error('late');
