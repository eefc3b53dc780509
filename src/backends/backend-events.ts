/** An event of a backend. */
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
      /** The subject of the override. */
      readonly subject?: string;
    }
  /** A key of these policies held a value that Sluice did not write; it was deleted. */
  | { readonly type: 'garbage'; readonly policies: readonly string[] }
  /**
   * A circuit breaker opened after five consecutive failures; `code` is the last one. `onError` applies until `recovered`.
   * Emitted once per outage of a domain.
   */
  | ({ readonly type: 'degraded'; readonly code: string } & Partial<DegradedDomains>)
  /**
   * A call failed at the backend, and none had failed since the last one that it answered; `onError` decided it. Emitted again only
   * after an answer. How many calls failed, by code, is in `ThrottleService.failures`.
   */
  | {
      readonly type: 'failed';
      /** The code of the BackendError. */
      readonly code: string;
      /** In the words of the server, with its address; without subjects, keys and passwords. */
      readonly message: string;
      /** False for a fault of the configuration, which does not go away by itself: `NOAUTH`, `WRONGPASS`, `NOPERM`, `SCRIPT`. */
      readonly transient: boolean;
      /** Set if the check at startup failed, and no call. */
      readonly atStartup?: true;
      /** On a Redis Cluster: the address of the master. */
      readonly domain?: string;
    }
  /**
   * The backend was unavailable, so a refund (a settlement by outcome, too), a credit, a debit, a reset or the end of a hold had no effect; such a hold
   * expires. Or the leased `units` of a process that closes could not be given back, and count as used until their windows end.
   */
  | {
      readonly type: 'lost';
      readonly what: 'refund' | 'credit' | 'debit' | 'reset' | 'hold' | 'lease';
      readonly code: string;
      /** The number of units, for a lease. */
      readonly units?: number;
    }
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
