/** What a backend reports besides its outcomes. */
export type BackendEvent =
  /** The backend is full: new subjects of this policy share one budget until there is room. Emitted once until then. */
  | { readonly type: 'overflow'; readonly policy: string }
  /** A key of these policies held a value that Sluice did not write; it was deleted. */
  | { readonly type: 'garbage'; readonly policies: readonly string[] }
  /**
   * The circuit breaker opened after five consecutive failures; `code` is the last one. `onError` applies until `recovered`.
   * Emitted once per outage.
   */
  | { readonly type: 'degraded'; readonly code: string }
  /** The backend was unavailable, so a refund or reset had no effect. */
  | { readonly type: 'lost'; readonly what: 'refund' | 'reset'; readonly code: string }
  /** The circuit breaker closed: the backend decides again. */
  | { readonly type: 'recovered' };
