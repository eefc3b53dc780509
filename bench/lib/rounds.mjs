import { median, quantile } from './stats.mjs';

/**
 * Measures variants interleaved: ABC, BCA, CAB, ..., so that changes on the machine affect all of them equally.
 *
 * @param {readonly string[]} variants
 * @param {number} rounds
 * @param {(variant: string, round: number) => Promise<Record<string, number>>} measure one figure or several, by name
 * @returns {Promise<Samples>}
 */
export async function interleaved(variants, rounds, measure) {
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    const first = round % variants.length;
    for (const variant of [...variants.slice(first), ...variants.slice(0, first)]) {
      progress(`round ${round + 1} of ${rounds}: ${variant}`);
      samples.add(variant, round, await measure(variant, round));
    }
  }
  progress('');
  return samples;
}

/**
 * A figure of several rounds.
 *
 * @typedef {{ median: number, low: number, high: number }} Spread the median, and the quartiles below and above it
 */

/** @returns {Spread} */
function spreadOf(values) {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/** The measured figures, by variant and round. */
export class Samples {
  /** @type {Map<string, Map<number, Record<string, number>>>} */
  #byVariant = new Map();

  add(variant, round, figures) {
    const rounds = this.#byVariant.get(variant) ?? new Map();
    this.#byVariant.set(variant, rounds.set(round, figures));
  }

  get variants() {
    return [...this.#byVariant.keys()];
  }

  /** The median over the rounds; NaN where the figure was never measured. */
  median(variant, figure) {
    return median(this.#all(variant, figure).map(([, value]) => value));
  }

  max(variant, figure) {
    return Math.max(...this.#all(variant, figure).map(([, value]) => value));
  }

  /** A variant's figure over that of another one, taken round by round: the median, and its quartiles. */
  ratio(variant, base, figure) {
    const others = new Map(this.#all(base, figure));
    const ratios = this.#all(variant, figure)
      .filter(([round]) => others.has(round))
      .map(([round, value]) => value / others.get(round));
    return spreadOf(ratios);
  }

  /** The median over the rounds, and its quartiles. */
  spread(variant, figure) {
    return spreadOf(this.#all(variant, figure).map(([, value]) => value));
  }

  /** Returns the worst ratio of a variant over the bases, as decided by `isWorse`. */
  worstRatio(variant, bases, figure, isWorse) {
    const ratios = bases.map((base) => this.ratio(variant, base, figure));
    return ratios.reduce((worst, ratio) => (isWorse(ratio.median, worst.median) ? ratio : worst));
  }

  /** The same figure of all variants, less that of the base in the same round. */
  above(base, figure) {
    const less = new Samples();
    const floor = new Map(this.#all(base, figure));
    for (const variant of this.variants) {
      for (const [round, value] of this.#all(variant, figure)) {
        if (floor.has(round)) less.add(variant, round, { [figure]: value - floor.get(round) });
      }
    }
    return less;
  }

  #all(variant, figure) {
    const rounds = [...(this.#byVariant.get(variant) ?? [])];
    return rounds.map(([round, figures]) => [round, figures[figure]]).filter(([, value]) => Number.isFinite(value));
  }
}

/** Shows what is being measured in one line, if the output is a terminal. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
