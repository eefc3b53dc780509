/**
 * The faults of the soak. Each lasts for a while and then ends. A fault that loses counters returns the interval and
 * the server.
 */
import { setTimeout as pause } from 'node:timers/promises';

const now = () => Date.now();
/** The longest time that a server may take to recover, on a loaded machine. */
const GIVE_UP_MS = 120_000;
/** The share of replies that the fault `reply loss` cuts off. */
const LOST = 0.05;

async function until(isSo, what) {
  const giveUpAt = now() + GIVE_UP_MS;
  while (!(await isSo())) {
    if (now() > giveUpAt) throw new Error(`${what}: not so within ${GIVE_UP_MS} ms`);
    await pause(50);
  }
}

/**
 * @param connect opens an admin connection to a server
 * @param slotOf returns the slot of a subject's keys
 */
export function nemeses({ single, proxy, cluster, workers, connect, slotOf, random }) {
  const some = (items) => items[Math.floor(random() * items.length)];
  const aWhile = () => 300 + random() * 2500;

  async function asAdmin(server, run) {
    const client = await connect(server);
    try {
      return await run(client);
    } finally {
      client.disconnect();
    }
  }

  /**
   * Allows or forbids automatic failover. It is forbidden unless a fault needs it: on a loaded machine, a replica could
   * replace a slow master, and its last writes would be lost. A failover that an admin orders is always possible.
   */
  async function allowFailover(isAllowed) {
    for (const server of cluster.servers) {
      const value = isAllowed ? 'no' : 'yes';
      await asAdmin(server, (client) => client.config('SET', 'cluster-replica-no-failover', value)).catch(
        () => undefined,
      );
    }
  }

  /** Returns the reachable servers of the cluster, by role. */
  async function roles() {
    const found = { masters: [], replicas: [] };
    for (const server of cluster.servers) {
      const role = await asAdmin(server, (client) => client.role()).catch(() => undefined);
      if (role !== undefined) found[role[0] === 'master' ? 'masters' : 'replicas'].push(server);
    }
    return found;
  }

  async function isWhole() {
    const states = await Promise.all(
      cluster.servers.map((server) =>
        asAdmin(server, async (client) => {
          const [info, replication] = [await client.cluster('INFO'), await client.info('replication')];
          return info.includes('cluster_state:ok') && /role:master|master_link_status:up/.test(replication);
        }).catch(() => false),
      ),
    );
    return states.every(Boolean);
  }

  /** Moves a slot to another master, the first keys one by one. */
  async function moveSlot(slot) {
    const { masters } = await roles();
    const admins = await Promise.all(masters.map((server) => connect(server)));
    try {
      const owners = await Promise.all(
        admins.map(async (admin) =>
          (await admin.cluster('SLOTS')).some(
            ([from, to, master]) => from <= slot && slot <= to && master[1] === admin.options.port,
          ),
        ),
      );
      const at = owners.indexOf(true);
      if (at < 0) return;
      const [source, target] = [admins[at], admins[(at + 1) % admins.length]];
      const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')];
      await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
      await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
      for (let moved = 0; ; moved++) {
        const keys = await source.cluster('GETKEYSINSLOT', slot, moved < 5 ? 1 : 100);
        if (keys.length === 0) break;
        await source.migrate('127.0.0.1', target.options.port, '', 0, 5000, 'KEYS', ...keys);
        if (moved < 5) await pause(20);
      }
      for (const admin of [target, source, ...admins]) await admin.cluster('SETSLOT', slot, 'NODE', targetId);
    } finally {
      for (const admin of admins) admin.disconnect();
    }
  }

  return {
    STOP: async () => {
      single.freeze();
      await pause(aWhile());
      single.thaw();
    },
    KILL: async () => {
      const from = now();
      await single.kill();
      await pause(aWhile());
      await single.start();
      return { on: 'single', from, to: now() };
    },
    FLUSHALL: async () => {
      const from = now();
      await asAdmin(single, (client) => client.flushall());
      return { on: 'single', from, to: now() };
    },
    'SCRIPT FLUSH': async () => {
      for (const server of [single, ...(await roles()).masters]) {
        await asAdmin(server, (client) => client.script('FLUSH'));
      }
    },
    partition: async () => {
      proxy.hold(some(['requests', 'replies']));
      await pause(aWhile());
      proxy.release();
    },
    'reply loss': async () => {
      // Not by the seed: how many replies there are depends on the machine, and the order of the faults must not.
      proxy.fate = () => (Math.random() < LOST ? 'cut' : 'pass');
      await pause(aWhile());
      proxy.fate = () => 'pass';
    },
    failover: async () => {
      const { replicas } = await roles();
      if (replicas.length === 0) return undefined;
      await asAdmin(some(replicas), (client) => client.cluster('FAILOVER'));
      await until(isWhole, 'failover');
      return undefined;
    },
    'KILL a master': async () => {
      const { masters } = await roles();
      const killed = some(masters);
      const from = now();
      await allowFailover(true);
      await killed.kill();
      await until(async () => (await roles()).masters.length >= masters.length, 'a replica takes over');
      await killed.start();
      await until(isWhole, 'the cluster is whole again');
      await allowFailover(false);
      // Writes that a replica had not received yet are lost.
      return { on: 'cluster', from, to: now() };
    },
    reshard: async () => {
      for (let i = 0; i < 3; i++) await moveSlot(slotOf(some(['ada', 'bob', 'eve'])));
    },
    'SIGSTOP of a worker': async () => {
      const worker = some(workers);
      worker.freeze();
      await pause(aWhile());
      worker.thaw();
    },
    'restart with another clock': async () => {
      // Never restarts the first worker, so that its heap is measured during the whole soak.
      await some(workers.slice(1)).restart(Math.round((random() - 0.5) * 2 * 3_600_000));
    },
  };
}
