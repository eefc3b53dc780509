import type { Awaitable } from '../../../core/awaitable.js';

/** One case of a contract, for any test runner. */
export interface ContractCase {
  /** A sentence of what is promised, with the groups that it belongs to. Unique within its contract. */
  readonly name: string;
  /** Resolves if the promise is kept; rejects with an AssertionError, or with an error of the code under test, if it is not. */
  readonly run: () => Promise<void>;
}

/** Makes what the bodies of the cases work with, and cleans up after each of them. */
export type WithContext<Context> = (body: (context: Context) => Awaitable<void>) => Promise<void>;

/** Collects cases, as `describe` and `it` of a test runner do. */
export class Suite<Context> {
  readonly cases: ContractCase[] = [];
  #path: readonly string[] = [];

  constructor(private readonly withContext: WithContext<Context>) {}

  /** Adds the cases that `define` adds, under a common beginning of their names. */
  group(name: string, define: () => void): void {
    const outer = this.#path;
    this.#path = [...outer, name];
    define();
    this.#path = outer;
  }

  case(name: string, body: (context: Context) => Awaitable<void>): void {
    this.cases.push({ name: [...this.#path, name].join(': '), run: () => this.withContext(body) });
  }
}
