/** A simulated world for bench/fleet.mjs: time, chance, a network, a server, and processes that run the real lease code. */
const dist = process.env.BENCH_DIST
  ? new URL(`file://${process.env.BENCH_DIST}/`)
  : new URL('../dist/', import.meta.url);
const { Leases } = await import(new URL('backends/leasing/lease-manager.js', dist));
const { inTimeOrVoid } = await import(new URL('backends/resilience/with-deadline.js', dist));
const { fixedWindow } = await import(new URL('strategies/fixed-window.js', dist));
export const { definePolicy } = await import(new URL('strategies/define-policy.js', dist));

/** The same chances in every run: mulberry32. */
export class Chance {
  #state;

  constructor(seed) {
    this.#state = seed;
  }

  /** From 0 to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(min, max) {
    return min + this.next() * (max - min);
  }

  /** With that mean. */
  exponential(mean) {
    return -Math.log(1 - this.next()) * mean;
  }

  /** With that median: half are below. */
  logNormal(median, sigma) {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return median * Math.exp(sigma * normal);
  }
}

/** What is to happen, in the order of true time, which the server's clock shows. A binary heap. */
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

  /** The next of it, and all that this leads to before any time passes. */
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

/** Counts by the strategy itself. */
export class Server {
  state = [];
  granted = 0;
  givenBack = 0;
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

  giveBack({ at, charges }) {
    this.requests += 1;
    for (const { cost } of charges) {
      const after = fixedWindow.amend(this.state, Math.floor(this.agenda.now), this.policy, at, cost, 0);
      if (after !== this.state) this.givenBack += cost;
      this.state = after;
    }
  }
}

/** A process: a clock of its own, and leases. */
export class Member {
  #chance;
  #network;
  #server;
  #agenda;

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

  /** Begins, with another clock: hours away from the server's, and up to 0.1 % faster or slower. */
  start() {
    const { offsetMs, rate } = this.#network.clock(this.#chance);
    this.startedMs = this.#agenda.now;
    this.offsetMs = offsetMs;
    this.rate = rate;
    const isAlive = () => this.leases === leases;
    const giveBack = (receipt) => {
      const lose = () => {
        for (const { cost } of receipt.charges) this.lost.units += cost;
      };
      this.#send(() => {
        this.#server.giveBack(receipt);
        return false;
      }, lose);
    };
    const leases = new Leases({
      now: () => this.now(),
      giveBack,
      grant: (policy, subject, wanted) => {
        const reply = this.#ask(wanted, isAlive);
        let isAnswered = false;
        reply.then(() => {
          isAnswered = true;
        });
        const late = new Promise((_, reject) => {
          // False: nobody waits for it any more.
          this.#agenda.after(this.#network.timeoutMs, () => !isAnswered && reject(LATE));
        });
        const back = ({ at, granted }) => {
          if (granted > 0) giveBack({ at, charges: [{ policy, subject, cost: granted }] });
        };
        return inTimeOrVoid(reply, (grant) => Promise.race([grant, late]), back);
      },
    });
    this.leases = leases;
  }

  #send(run, lose = () => {}) {
    const { lossShare, latencyMs } = this.#network;
    if (this.#chance.next() < lossShare) lose();
    else this.#agenda.after(latencyMs(this.#chance), run);
  }

  /** Requests and replies may be lost, and what comes to a process that has ended is. */
  #ask(wanted, isAlive) {
    return new Promise((resolve) => {
      this.#send(() => {
        const grant = this.#server.grant(wanted);
        const lose = () => {
          this.lost.units += grant.granted;
          return false;
        };
        this.#send(() => (isAlive() ? resolve(grant) : lose()), lose);
        return false;
      });
    });
  }
}

const LATE = new Error('late');
