/** An event of a backend. */
export type BackendEvent =
  /** The backend is full: new subjects of this policy share one budget until there is room. Emitted once until then. */
  | { readonly type: 'overflow'; readonly policy: string }
  /**
   * A stored override or change to a policy cannot be read: a later version or another program wrote it, or an override
   * was set while the policy had another strategy. It is kept, but ignored. A process emits this once for each, and
   * remembers the last 1000.
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
   * A circuit breaker opened after five consecutive failures; `code` and `message` are those of the last one, as in
   * `failed`. `onError` applies until `recovered`. Emitted once per outage of a domain.
   */
  | ({ readonly type: 'degraded'; readonly code: string; readonly message: string } & Partial<DegradedDomains>)
  /**
   * The first of consecutive calls failed at the backend; `onError` decided it. Emitted again only after a reply. The
   * number of failed calls, by code, is in `ThrottleService.failures`.
   */
  | {
      readonly type: 'failed';
      /** The code of the BackendError. */
      readonly code: string;
      /** The message of the server, with its address; without subjects, keys and passwords. */
      readonly message: string;
      /**
       * False for a configuration error, which does not go away by itself: `NOAUTH`, `WRONGPASS`, `NOPERM`, `SCRIPT`.
       */
      readonly transient: boolean;
      /** Set if the check at startup failed, and not a call. */
      readonly atStartup?: true;
      /** On a Redis Cluster: the address of the master. */
      readonly domain?: string;
    }
  /**
   * The backend was unavailable, so a refund (or a settlement by outcome), a credit, a debit, a reset or the end of a
   * hold had no effect; such a hold expires. Or a closing process could not return its leased `units`, which count as
   * used until their windows end.
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
 * The part of a backend that has an outage, and how much of the backend is unavailable. On a Redis Cluster a domain is
 * the address of a master. A backend that works or fails as a whole has no domains, and its events have none of these
 * members.
 */
export interface DegradedDomains {
  readonly domain: string;
  /** All domains that are unavailable now. Empty if the whole backend decides again. */
  readonly unavailable: readonly string[];
  /** The total number of domains. */
  readonly of: number;
}
