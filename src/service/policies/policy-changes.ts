import { AsyncResource } from 'node:async_hooks';
import { settingsOf } from '../../backends/capabilities.js';
import type { NewPolicyChange, PolicyChange, SettingsStore } from '../../backends/settings-store.js';
import { noteInjectable } from '../../core/copies.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { PolicyRegistry } from '../../planning/policy-registry.js';
import type { ThrottleEvents } from '../calls/events.js';
import type { RuntimeSettings } from '../calls/runtime-settings.js';

/** The interval at which the version of the changes is read. */
const POLL_MS = 500;

/**
 * Puts the changes to policies that the backend stores in force in this process. Reads and writes run one after
 * another, so that a read that began before a write cannot undo it.
 */
export class PolicyChanges {
  static {
    noteInjectable(PolicyChanges);
  }

  #version: number | undefined;
  /** The number of policies when the changes were read. */
  #known = 0;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isPolling = false;
  #isStopped = false;
  /** True from a failure until the next success, so that there is one warning per outage. */
  #isFailing = false;
  /** Changes that are ignored, by policy, so that there is one warning for each. */
  readonly #ignored = new Map<string, number>();
  /**
   * Bound outside of any request: the first change may be made in one, and the timer would keep its AsyncLocalStorage
   * contents alive.
   */
  readonly #startTimer = AsyncResource.bind(() => setInterval(() => this.#poll(), POLL_MS).unref());

  constructor(
    private readonly registry: PolicyRegistry,
    private readonly settings: RuntimeSettings,
    private readonly events: ThrottleEvents,
  ) {}

  /**
   * Puts stored changes in force, reports them, and starts polling for others. If the backend does not respond, it is
   * tried again later.
   */
  async begin(): Promise<void> {
    this.#store('ThrottleModule.runtimePolicies');
    await this.#poll();
    for (const name of this.registry.names) {
      const change = this.registry.runtime(name)?.change;
      if (change !== undefined) this.settings.log(`Changed at run time: ${describe({ policy: name, ...change })}`);
    }
    this.follow();
  }

  /** Starts polling for changes. */
  follow(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    this.#timer = this.#startTimer();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  /**
   * Runs a task on the store after all earlier tasks, with the stored changes in force.
   *
   * @param place names the caller in the error for a backend that stores no settings
   */
  run<T>(place: string, task: (store: SettingsStore) => Promise<T>): Promise<T> {
    const store = this.#store(place);
    return this.#inOrder(async () => {
      await this.#load(store);
      return task(store);
    });
  }

  /**
   * Stores a change, and puts it in force together with changes of other processes. First removes a stored change that
   * is ignored, so that the new one is not merged with it.
   */
  async add(store: SettingsStore, change: NewPolicyChange): Promise<void> {
    if (this.#ignored.has(change.policy)) await store.resetPolicy(change.policy);
    await store.changePolicy(change);
    await this.#load(store);
  }

  /** Puts one change in force, or removes it. */
  apply(name: string, change: PolicyChange | undefined): void {
    const policy = this.registry.runtime(name);
    if (change === undefined) this.#ignored.delete(name);
    if (policy === undefined) this.#ignore(change, `there is no policy "${name}" in the code`);
    if (policy === undefined || isSame(policy.change, change)) return;
    try {
      policy.set(change);
      this.#ignored.delete(name);
      this.events.policyChanged(name, change);
    } catch (error) {
      if (!(error instanceof ThrottleConfigError)) throw error;
      if (policy.change !== undefined) {
        policy.set(undefined);
        this.events.policyChanged(name, undefined);
      }
      this.#ignore(change, error.problem);
    }
  }

  /** @throws ThrottleConfigError if the backend stores no settings */
  #store(place: string): SettingsStore {
    return settingsOf(this.settings.backend, place);
  }

  async #poll(): Promise<void> {
    const store = this.settings.backend.settings;
    // A slow backend is not called again before it has responded.
    if (store === undefined || this.#isPolling) return;
    this.#isPolling = true;
    try {
      await this.#inOrder(() => this.#load(store));
      this.#isFailing = false;
    } catch (error) {
      this.#warnOfFailure(error);
    } finally {
      this.#isPolling = false;
    }
  }

  /**
   * Reads the changes if their version has changed. Reads the version first, so that a change in between is found by
   * the next poll.
   */
  async #load(store: SettingsStore): Promise<void> {
    const version = await store.version();
    const { names } = this.registry;
    // A lazily loaded module adds policies, which may have changes.
    if (version === this.#version && names.length === this.#known) return;
    const changes = new Map((await store.listPolicyChanges()).map((change) => [change.policy, change]));
    for (const name of new Set([...names, ...changes.keys()])) this.apply(name, changes.get(name));
    this.#version = version;
    this.#known = names.length;
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }

  #warnOfFailure(error: unknown): void {
    if (this.#isFailing || this.#isStopped) return;
    this.#isFailing = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.settings.warn(`Changes to policies cannot be read (${reason}). The changes that are known stay in force.`);
  }

  #ignore(change: PolicyChange | undefined, reason: string): void {
    if (change === undefined || this.#ignored.get(change.policy) === change.changedAt) return;
    this.#ignored.set(change.policy, change.changedAt);
    this.settings.warn(
      `A change at run time is ignored: ${reason}. The change: ${describe(change)} Remove it with throttle.policies.reset("${change.policy}").`,
    );
  }
}

function isSame(one: Omit<PolicyChange, 'policy'> | undefined, other: PolicyChange | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.changedAt === other.changedAt && one.mode === other.mode && isSameRate(one.rate, other.rate);
}

function isSameRate(one: PolicyChange['rate'], other: PolicyChange['rate']): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function describe({ policy, rate, mode, changedAt }: PolicyChange): string {
  const ofRate = rate === undefined ? [] : [`${rate.limit} per ${rate.periodMs} ms`];
  const ofMode = mode === undefined ? [] : [`mode "${mode}"`];
  return `policy "${policy}": ${[...ofRate, ...ofMode].join(', ')}, since ${new Date(changedAt).toISOString()}.`;
}
