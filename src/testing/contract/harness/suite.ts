import type { Awaitable } from '../../../core/awaitable.js';

/** One case of a contract, for any test runner. */
export interface ContractCase {
  /** A sentence that states the promise, preceded by the groups of the case. Unique within its contract. */
  readonly name: string;
  /**
   * Resolves if the promise is kept. Otherwise rejects with an AssertionError, or with an error of the code under test.
   */
  readonly run: () => Promise<void>;
}

/** Creates the context of a case, and cleans up after it. */
export type WithContext<Context> = (body: (context: Context) => Awaitable<void>) => Promise<void>;

/** Collects cases, like `describe` and `it` of a test runner. */
export class Suite<Context> {
  readonly cases: ContractCase[] = [];
  #path: readonly string[] = [];

  constructor(private readonly withContext: WithContext<Context>) {}

  /** Adds the cases that `define` adds, with a common prefix of their names. */
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
