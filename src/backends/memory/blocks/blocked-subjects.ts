import type { Target } from '../../../core/decision.js';

/** The number of subjects above which those whose blocks are over are dropped. */
const MIN_SWEEP = 1000;

/** The subjects that were blocked. The records do not name them: their keys may be hashes of subjects. */
export class BlockedSubjects {
  readonly #targets = new Map<string, Target>();
  #sweepAbove = MIN_SWEEP;

  /**
   * @param isOver returns true if a block is over. Called for all subjects whenever their number has doubled since the
   *   last time
   */
  add(target: Target, isOver: (target: Target) => boolean): void {
    this.#targets.set(`${target.policy.id} ${target.subject}`, target);
    if (this.#targets.size > this.#sweepAbove) this.drop(isOver);
  }

  drop(isOver: (target: Target) => boolean): void {
    for (const [key, target] of this.#targets) if (isOver(target)) this.#targets.delete(key);
    this.#sweepAbove = Math.max(MIN_SWEEP, 2 * this.#targets.size);
  }

  /** Returns the subjects under policies of a name, each with its key, in the order of keys. */
  of(policy: string): readonly (readonly [key: string, target: Target])[] {
    return [...this.#targets]
      .filter(([, target]) => target.policy.name === policy)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
