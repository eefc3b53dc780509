/**
 * Simulates leases in a fleet: thousands of processes with their own clocks, latencies, lost and late replies, crashes
 * and restarts, in simulated time. The processes run the library's lease code, the server its strategy. The numbers are
 * the same in every run: `node bench/fleet.mjs [seed]`. Exits with code 1 if a limit was ever exceeded.
 */
import { Agenda, Chance, definePolicy, Member, Server } from './fleet.model.mjs';
import { printTable } from './lib/table.mjs';

const SEED = Number(process.argv[2] ?? 1);
const PROCESSES = 2000;
const LIMIT = 120_000;
const PERIOD_MS = 60_000;
const WINDOWS = 2;
const BATCHES = [1, 5, 25, 100];
/** Calls in relation to the limit. */
const LOADS = [0.5, 1, 2];
/** How long a process lives on average. */
const LIFE_MS = 600_000;

const network = {
  timeoutMs: 100,
  lossShare: 0.002,
  latencyMs: (chance) => chance.logNormal(2, 1.2),
  clock: (chance) => ({ offsetMs: Math.floor(chance.between(-7.2e6, 7.2e6)), rate: chance.between(0.999, 1.001) }),
};

async function simulate(batch, load) {
  const policy = definePolicy('fleet', { rate: `${LIMIT}/min`, strategy: 'fixed-window', lease: { batch } });
  const chance = new Chance(SEED);
  const agenda = new Agenda();
  const server = new Server(agenda, policy);
  const lost = { units: 0 };
  const members = Array.from({ length: PROCESSES }, () => new Member(agenda, server, chance, network, lost));
  const pick = weighted(members, chance);
  const endMs = WINDOWS * PERIOD_MS;
  const demand = new Array(WINDOWS + 1).fill(0);
  const spent = new Array(WINDOWS + 1).fill(0);
  const sums = { calls: 0, denied: 0, failed: 0, crashed: 0, elsewhere: 0 };

  const charge = { policy, subject: 'all', cost: 1 };
  const call = (member) => {
    const { leases } = member;
    const now = member.now();
    const lease = leases.take(charge, now);
    if (lease !== undefined) {
      const window = Math.floor(agenda.now / PERIOD_MS);
      spent[window] += 1;
      if (lease.startMs !== window * PERIOD_MS) sums.elsewhere += 1;
    } else if (leases.isDenied(charge, now)) {
      sums.denied += 1;
    } else {
      leases.request(charge, {
        granted: () => {
          if (member.leases === leases) call(member);
          else sums.failed += 1;
        },
        fail: () => {
          sums.failed += 1;
        },
      });
    }
  };

  const crash = () => {
    const member = members[Math.floor(chance.next() * PROCESSES)];
    // The units that it holds of this window are lost.
    for (const { charges } of member.leases.takeAll()) for (const { cost } of charges) sums.crashed += cost;
    member.start();
    agenda.after(chance.exponential(LIFE_MS / PROCESSES), crash);
    return false;
  };
  agenda.after(chance.exponential(LIFE_MS / PROCESSES), crash);

  const meanGapMs = PERIOD_MS / (LIMIT * load);
  for (let callMs = chance.exponential(meanGapMs); callMs < endMs; callMs += chance.exponential(meanGapMs)) {
    while (agenda.nextMs <= callMs) await agenda.step();
    agenda.now = callMs;
    sums.calls += 1;
    demand[Math.floor(callMs / PERIOD_MS)] += 1;
    call(pick());
  }
  while (agenda.nextMs < endMs) await agenda.step();

  const admitted = sumOf(spent);
  const could = sumOf(demand.map((calls) => Math.min(calls, LIMIT)));
  const stranded = server.granted - server.returned - admitted;
  return {
    batch,
    load,
    calls: sums.calls,
    overshoot: Math.max(0, ...spent.map((units) => units - LIMIT)) + sums.elsewhere,
    admitted: admitted / could,
    failed: sums.failed / sums.calls,
    trips: (100 * server.requests) / sums.calls,
    crashed: sums.crashed / (WINDOWS * LIMIT),
    lost: lost.units / (WINDOWS * LIMIT),
    turned: (stranded - sums.crashed - lost.units) / (WINDOWS * LIMIT),
  };
}

/** Picks a process for a call. Some get many calls, most get few. */
function weighted(members, chance) {
  const sums = [];
  let total = 0;
  for (const _ of members) {
    total += chance.logNormal(1, 1);
    sums.push(total);
  }
  return () => {
    const at = chance.next() * total;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return members[low];
  };
}

const sumOf = (numbers) => numbers.reduce((sum, one) => sum + one, 0);

const percent = (share) => `${(100 * share).toFixed(2)} %`;
const startedAt = performance.now();
let overshoot = 0;
const rows = [];
for (const batch of BATCHES) {
  for (const load of LOADS) {
    const found = await simulate(batch, load);
    overshoot += found.overshoot;
    rows.push({
      batch,
      load,
      calls: found.calls,
      overshoot: found.overshoot,
      'admitted of what could be': percent(found.admitted),
      'unanswered calls': percent(found.failed),
      'round trips / 100': found.trips.toFixed(2),
      'stranded: crash': percent(found.crashed),
      'stranded: lost': percent(found.lost),
      'stranded: window over': percent(found.turned),
    });
  }
}
printTable(`${PROCESSES} processes on one limit of ${LIMIT} a minute, ${WINDOWS} windows, seed ${SEED}`, rows, [
  [
    'load: calls to the limit. Overshoot: units above the limit in the worst window, and units spent in another window than',
    'their own. Unanswered: lost or late, left to onError. Stranded: granted and never spent, of the limit: held in a crash,',
    `lost on the way, or held when the window was over. A process has a share of ${LIMIT / PROCESSES} units a window.`,
  ].join('\n'),
  `${Math.round((performance.now() - startedAt) / 1000)} s, of which ${Math.round(process.cpuUsage().user / 1e6)} s at work`,
]);
process.exitCode = overshoot > 0 ? 1 : 0;
