import { MasterClient } from '../clients/master-client.js';
import type { RedisClient } from '../clients/redis-client.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { RedisNode, type RedisNodeOptions } from './redis-node.js';

/** The address of a master that the client does not know, as before it is connected. */
const UNKNOWN = 'unknown';

/** The masters behind a client: one, or those of a Cluster. */
export class RedisTopology {
  /** By address. */
  readonly #nodes = new Map<string, RedisNode>();

  constructor(
    private readonly client: RedisClient,
    private readonly scripts: ScriptSet,
    private readonly options: RedisNodeOptions,
  ) {}

  /** Returns the master of a slot, which changes when a Cluster fails over or moves the slot. */
  masterOf(slot: number): RedisNode {
    const address = this.#addressOf(slot);
    let node = this.#nodes.get(address);
    if (node === undefined) {
      this.#dropReplaced();
      node = new RedisNode(this.#clientOf(address), this.scripts, this.options, this.domainOf(slot));
      this.#nodes.set(address, node);
    }
    return node;
  }

  /** Returns the failure domain of a slot, its master's address; undefined if there is only one master. */
  domainOf(slot: number): string | undefined {
    return this.client.isCluster === true ? this.#addressOf(slot) : undefined;
  }

  /** Returns the failure domains of all slots. */
  domains(): readonly string[] {
    const domains = new Set<string>();
    for (const nodes of this.client.slots ?? []) domains.add(nodes?.[0] ?? UNKNOWN);
    return domains.size === 0 ? [UNKNOWN] : [...domains];
  }

  #addressOf(slot: number): string {
    return this.client.slots?.[slot]?.[0] ?? UNKNOWN;
  }

  #clientOf(address: string): RedisClient {
    return this.client.isCluster === true ? new MasterClient(this.client, address) : this.client;
  }

  #dropReplaced(): void {
    const known = new Set(this.domains());
    for (const address of this.#nodes.keys()) if (!known.has(address)) this.#nodes.delete(address);
  }
}
