import type { Charge } from '../../../../../src/core/decision.js';
import { type Decision, isMonitored } from '../../../../../src/core/decision.js';
import {
  afterAdmission,
  afterDenial,
  type BlockRecord,
  isBlocked,
  keptUntil,
} from '../../../../../src/strategies/blocks/block-record.js';
import { keyFor } from './spend.js';

interface CallRecord {
  readonly charge: Charge;
  readonly found: BlockRecord;
  current: BlockRecord;
  denied?: BlockRecord;
}

/** The records of a call's subjects after it, depending on the decisions on its charges. */
export class CallRecords {
  readonly #records = new Map<string, CallRecord>();
  /** By charge, the strikes of its subject as it is decided. */
  readonly strikes: number[] = [];

  constructor(
    charges: readonly Charge[],
    decisions: readonly Decision[],
    private readonly now: number,
    recordOf: (charge: Charge) => BlockRecord,
  ) {
    for (const charge of charges) {
      if (charge.policy.block === undefined || this.#records.has(keyFor(charge))) continue;
      const found = recordOf(charge);
      this.#records.set(keyFor(charge), { charge, found, current: found });
    }
    const isAllowed = charges.every((charge, i) => isMonitored(charge) || decisions[i]?.allowed);
    const decide = (monitored: boolean) =>
      charges.forEach((charge, i) => {
        const decision = decisions[i];
        if (isMonitored(charge) === monitored && decision) this.#decide(i, charge, decision, isAllowed);
      });
    decide(false);
    for (const charge of charges) {
      const record = this.#records.get(keyFor(charge));
      if (record === undefined) continue;
      if (!isAllowed) record.current = record.denied ?? record.found;
      else if (charge.mode === undefined && charge.cost > 0) record.current = afterAdmission(record.current);
    }
    decide(true);
  }

  #decide(i: number, charge: Charge, { allowed, retryAfterMs, startedBlock }: Decision, isAllowed: boolean): void {
    const { policy, cost } = charge;
    const record = this.#records.get(keyFor(charge));
    if (record === undefined || policy.block === undefined) return;
    const monitored = isMonitored(charge);
    const known = monitored && !isAllowed ? record.found : record.current;
    this.strikes[i] = startedBlock?.strikes ?? known.strikes;
    if (isBlocked(known, this.now) || (monitored && !isAllowed)) return;
    if (!allowed && retryAfterMs !== null) {
      const after = afterDenial(known, this.now, policy.block);
      if (monitored) record.current = after;
      else record.denied = after;
    } else if (allowed && monitored && cost > 0) record.current = afterAdmission(known);
  }

  /** By key: what is known after the call, the instant up to which it has to be kept, and whether the call has changed it. */
  *after(): Generator<readonly [key: string, after: { known: BlockRecord; keptMs: number; isChanged: boolean }]> {
    for (const [key, { charge, found, current }] of this.#records) {
      const { block } = charge.policy;
      if (block !== undefined) {
        yield [key, { known: current, keptMs: keptUntil(current, block), isChanged: current !== found }];
      }
    }
  }
}
