import type { Backend, Target } from '../backends/backend.js';
import type { Block, BlockStore } from '../backends/blocks/block-store.js';
import type { Page } from '../backends/settings-store.js';
import { assertKnownMembers, invalidArgument, optionAt, ThrottleConfigError } from '../core/errors.js';
import type { LimitName } from '../core/literals/policy-name.js';
import type { Policy } from '../core/policy.js';
import { type Duration, parseDuration } from '../core/rate.js';
import { missingValue } from '../core/value-options.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { isObject } from '../planning/option-checks.js';
import { everyPlan } from '../planning/policy-source.js';
import { MAX_BLOCK_MS } from '../strategies/blocks/block-options.js';
import type { Call } from '../transports/call.js';
import { methodPlace } from './service-arguments.js';

/**
 * Options of `blocks.list`.
 *
 * @example
 * await throttle.blocks.list('login', { limit: 20 });
 */
export interface BlockListOptions {
  /** The `cursor` of the previous page. Default: the first page. */
  readonly cursor?: string;
  /** The maximum number of blocks, 1 to 1000. Default: 100. */
  readonly limit?: number;
}

const A_SUBJECT = 'a subject, a string that is not empty; `subjectOf` writes those of the built-in `by`';
const PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/** Finds the limits for a method of the service, and a call to pass to their functions. */
export interface BlockableLimits {
  find(method: string, policy: unknown): readonly CompiledLimit[];
  readonly call: Call;
}

/**
 * Blocks of subjects under policies with the option `block`, both those that policies began and those set by hand. The
 * backend stores them with the usage of the subject, and they apply to the next call in every process.
 *
 * All methods reject with a ThrottleConfigError for an invalid value, an unknown policy, and a policy without the
 * option `block`; and with a BackendError if the backend does not respond. `set` and `delete` may then have taken
 * effect, under plans perhaps only for some of them; both can be repeated.
 *
 * @example
 * await this.throttle.blocks.set('login', subjectOf.ip('192.0.2.7'), '1h');
 */
export class ThrottleBlocks {
  constructor(
    private readonly backend: Backend,
    private readonly limits: BlockableLimits,
  ) {}

  /**
   * Blocks a subject from now on; replaces a previous block. It does not count as a strike: the next block that the
   * policy begins is not longer because of it.
   *
   * @param policy a policy with the option `block`. The block applies under all plans
   * @param subject the subject that the policy charges; `subjectOf` returns those of the built-in `by`
   * @param forTime the length of the block, such as `1h`: 1 ms to 366 days
   * @returns the block
   * @example
   * const { expiresAt } = await this.throttle.blocks.set('login', 'account:ada', '1d');
   */
  async set(policy: LimitName | Policy, subject: string, forTime: Duration): Promise<Block> {
    const { place, store, targets } = await this.#targets('blocks.set', policy, subject);
    if (forTime === undefined) throw missingValue(`${place}: the third argument`, 'a duration such as "1h"');
    const forMs = parseDuration(`${place}: the third argument`, forTime, MAX_BLOCK_MS);
    const blocks = await Promise.all(targets.map(async (target) => store.setBlock(target, forMs)));
    return blocks.reduce((last, block) => (block.expiresAt > last.expiresAt ? block : last));
  }

  /** Returns the block of a subject, or undefined if it is not blocked. */
  async get(policy: LimitName | Policy, subject: string): Promise<Block | undefined> {
    const { store, targets } = await this.#targets('blocks.get', policy, subject);
    return latest(await Promise.all(targets.map(async (target) => store.getBlock(target))));
  }

  /**
   * Ends the block of a subject, and drops its earlier blocks and denials in a row. Returns false if it is not blocked.
   */
  async delete(policy: LimitName | Policy, subject: string): Promise<boolean> {
    const { store, targets } = await this.#targets('blocks.delete', policy, subject);
    return (await Promise.all(targets.map(async (target) => store.deleteBlock(target)))).includes(true);
  }

  /**
   * Returns a page of the blocks of a policy that are in force. The page has a `cursor` if there may be more. Blocks
   * that begin or end in the meantime may be missing, as may a block whose process ended just after it began.
   *
   * @example
   * let page = await this.throttle.blocks.list('login');
   * while (page.cursor !== undefined) page = await this.throttle.blocks.list('login', { cursor: page.cursor });
   */
  async list(policy: LimitName | Policy, options: BlockListOptions = {}): Promise<Page<Block>> {
    const { place, store, policies } = await this.#blockable('blocks.list', policy);
    if (!isObject(options)) throw invalidArgument(place, 'options { cursor, limit } as the last argument', options);
    assertKnownMembers(place, options, ['cursor', 'limit']);
    const { cursor, limit = PAGE_SIZE } = options;
    if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE)) {
      throw invalidArgument(optionAt(place, 'limit'), `a whole number from 1 to ${MAX_PAGE_SIZE}`, limit);
    }
    // A policy with several rates has a name for each; they are listed one after another.
    const names = [...new Set(policies.map(({ name }) => name))].sort();
    const [name = '', from] = positionOf(optionAt(place, 'cursor'), cursor, names);
    const page = await store.listBlocks(name, from === undefined ? { limit } : { limit, cursor: from });
    const next = names[names.indexOf(name) + 1];
    if (page.cursor !== undefined) return { entries: page.entries, cursor: JSON.stringify([name, page.cursor]) };
    return next === undefined ? { entries: page.entries } : { entries: page.entries, cursor: JSON.stringify([next]) };
  }

  async #targets(method: string, policy: unknown, subject: unknown) {
    const place = methodPlace(method, policy);
    if (subject === undefined) throw missingValue(`${place}: subject`, A_SUBJECT);
    if (typeof subject !== 'string' || subject === '') throw invalidArgument(`${place}: subject`, A_SUBJECT, subject);
    const { store, policies } = await this.#blockable(method, policy);
    return { place, store, targets: policies.map((one): Target => ({ policy: one, subject })) };
  }

  /** Returns the policies with a name under every plan, one for each budget. */
  async #blockable(method: string, policy: unknown) {
    const place = methodPlace(method, policy);
    const found = this.limits.find(method, policy);
    // The concurrency of a limit with a rate is never blocked.
    const rates = found.filter(({ concurrency }) => concurrency === undefined);
    const limits = rates.length > 0 ? rates : found;
    const lists = await Promise.all(limits.map((limit) => this.#policiesOf(limit, place)));
    const store = this.#store(place);
    return { place, store, policies: [...new Map(lists.flat().map((one) => [one.id, one])).values()] };
  }

  async #policiesOf({ policies, place: declared }: CompiledLimit, place: string): Promise<readonly Policy[]> {
    if (policies.known.length === 0) {
      const why = policies.fixed === undefined ? 'its rate is a function of the call' : 'it is unlimited';
      throw new ThrottleConfigError(
        'SLUICE_WRONG_POLICY',
        `${place}: ${why}, so it has no budget whose subject could be blocked. Give ${declared} a rate, such as "5/min".`,
      );
    }
    const all = await everyPlan(policies).of(this.limits.call);
    if (all.every(({ block }) => block !== undefined)) return all;
    throw new ThrottleConfigError(
      'SLUICE_NOT_CONFIGURED',
      `${place}: this policy has no option "block". Add it, ${declared}: { block: true } for blocks by hand, or { block: { for: "5m" } } for blocks after denials as well.`,
    );
  }

  #store(place: string): BlockStore {
    const { blocks } = this.backend;
    if (blocks !== undefined) return blocks;
    throw new ThrottleConfigError(
      'SLUICE_UNSUPPORTED_BACKEND',
      `${place}: needs a backend that blocks subjects, and ${this.backend.constructor.name} has no \`blocks\`. Use another backend.`,
    );
  }
}

/** Returns the block that ends last. */
function latest(blocks: readonly (Block | undefined)[]): Block | undefined {
  return blocks.reduce((last, block) => ((block?.expiresAt ?? 0) > (last?.expiresAt ?? 0) ? block : last), undefined);
}

/**
 * Returns the listed name at a cursor, and the cursor in its list. @throws ThrottleConfigError for an invalid cursor
 */
function positionOf(place: string, cursor: unknown, names: readonly string[]): readonly [name?: string, from?: string] {
  const [first = ''] = names;
  if (cursor === undefined) return [first];
  try {
    const [name, from]: readonly unknown[] = JSON.parse(String(cursor));
    if (typeof name === 'string' && names.includes(name)) return typeof from === 'string' ? [name, from] : [name];
  } catch {
    // Not written by `list`.
  }
  throw invalidArgument(place, 'the cursor of a page', cursor);
}
