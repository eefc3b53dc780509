import type { RedisClient } from '../clients/redis-client.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { RedisNode, type RedisNodeOptions } from './redis-node.js';

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
    const address = this.client.slots?.[slot]?.[0] ?? '';
    let node = this.#nodes.get(address);
    if (node === undefined) {
      node = new RedisNode(this.client, this.scripts, this.options);
      this.#nodes.set(address, node);
    }
    return node;
  }
}
