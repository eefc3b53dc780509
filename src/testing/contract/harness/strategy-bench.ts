import type { Awaitable } from '../../../core/awaitable.js';
import type { Decision } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import type { State, Strategy } from '../../../strategies/strategy.js';
import { checkRandomCases, type RandomSource, shorterLists } from './random.js';
import { randomStart } from './random-policies.js';
import { drive, type Move, randomTraffic, type Taken, type TrafficOptions } from './traffic.js';

/** Random traffic on one policy, from empty state. */
export interface Scene {
  readonly policy: Policy;
  readonly start: number;
  readonly moves: readonly Move[];
}

export interface SceneOptions extends TrafficOptions {
  /** A factor for the number of scenes. Default: 1. */
  readonly times?: number;
}

/** The context of the cases of the strategy contract. */
export class StrategyBench {
  constructor(
    readonly strategy: Strategy,
    private readonly policyOf: (random: RandomSource) => Policy,
    readonly runs: number,
    private readonly seed: number | undefined,
  ) {}

  /** Checks random scenes. If one fails, looks for a shorter one that also fails. */
  async always(check: (scene: Scene) => Awaitable<void>, { times = 1, ...traffic }: SceneOptions = {}): Promise<void> {
    await checkRandomCases<Scene>({
      make: (random) => ({
        policy: this.policyOf(random),
        start: randomStart(random),
        moves: randomTraffic(random, traffic),
      }),
      check,
      simpler: (scene) => shorterLists(scene.moves).map((moves) => ({ ...scene, moves })),
      runs: Math.ceil(times * this.runs),
      seed: this.seed,
    });
  }

  /** Checks each step of random scenes. */
  async alwaysStep(check: (taken: Taken, policy: Policy) => void, options?: SceneOptions): Promise<void> {
    await this.always((scene) => {
      for (const taken of this.drive(scene)) check(taken, scene.policy);
    }, options);
  }

  drive({ policy, start, moves }: Scene): Iterable<Taken> {
    return drive(this.strategy, policy, start, moves);
  }

  decide(state: State, now: number, policy: Policy, cost: number): Decision {
    return this.strategy.step(state, now, policy, cost).decision;
  }
}
