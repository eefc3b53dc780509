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
    const address = this.addressOf(slot);
    let node = this.#nodes.get(address);
    if (node === undefined) {
      this.#dropReplaced();
      node = new RedisNode(this.#clientOf(address), this.scripts, this.options);
      this.#nodes.set(address, node);
    }
    return node;
  }

  /** Returns the address of the master of a slot. */
  addressOf(slot: number): string {
    return this.client.slots?.[slot]?.[0] ?? UNKNOWN;
  }

  /** Returns the addresses of all masters that have slots. */
  addresses(): readonly string[] {
    const addresses = new Set<string>();
    for (const nodes of this.client.slots ?? []) addresses.add(nodes?.[0] ?? UNKNOWN);
    return [...addresses];
  }

  #clientOf(address: string): RedisClient {
    return this.client.isCluster === true ? new MasterClient(this.client, address) : this.client;
  }

  #dropReplaced(): void {
    const known = new Set(this.addresses());
    for (const address of this.#nodes.keys()) if (!known.has(address)) this.#nodes.delete(address);
  }
}
