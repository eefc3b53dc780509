/** What a backend reports besides its outcomes. */
export type BackendEvent =
  /** The backend is full: new subjects of this policy share one budget until there is room. Emitted once until then. */
  | { readonly type: 'overflow'; readonly policy: string }
  /**
   * A stored override or change to a policy cannot be read: a later version or another program wrote it, or an override was set while
   * the policy had another strategy. It is kept, but ignored. A process emits this once for each, and remembers the last 1000.
   */
  | {
      readonly type: 'unreadable';
      readonly what: 'override' | 'policy-change';
      readonly policy: string;
      /** Whose override it is. */
      readonly subject?: string;
    }
  /** A key of these policies held a value that Sluice did not write; it was deleted. */
  | { readonly type: 'garbage'; readonly policies: readonly string[] }
  /**
   * A circuit breaker opened after five consecutive failures; `code` is the last one. `onError` applies until `recovered`.
   * Emitted once per outage of a domain.
   */
  | ({ readonly type: 'degraded'; readonly code: string } & Partial<DegradedDomains>)
  /** The backend was unavailable, so a refund (a settlement by outcome, too), a reset or the end of a hold had no effect. Such a hold expires. */
  | { readonly type: 'lost'; readonly what: 'refund' | 'reset' | 'hold'; readonly code: string }
  /** The circuit breaker closed: the backend decides again. */
  | ({ readonly type: 'recovered' } & Partial<DegradedDomains>);

/**
 * Which part of a backend an outage is of, and how much of the backend is unavailable. On a Redis Cluster a domain is a
 * master, by address. A backend that works or fails as a whole has no domains, and its events have none of these members.
 */
export interface DegradedDomains {
  readonly domain: string;
  /** All domains that are unavailable now. Empty if the whole backend decides again. */
  readonly unavailable: readonly string[];
  /** The number of domains that there are. */
  readonly of: number;
}
