import assert from 'node:assert/strict';
import type { Override, SettingsStore } from '../../../../backends/settings-store.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { five, settingsCase, twenty } from './settings-case.js';

const ada = { policy: 'api', subject: 'user:ada' };
const bob = { policy: 'api', subject: 'user:bob' };

/** Subjects that are hard to encode: long ones, and those with separators. */
const SUBJECTS = [
  'é 日本',
  'a b',
  '{b}',
  '"q"',
  'x'.repeat(300),
  'x'.repeat(301),
  'lone \ud800',
  'lone \ud801',
  '#',
  '',
];

/** Storing overrides. */
export function storedOverrides(suite: Suite<Bench>): void {
  suite.group('overrides', () => overrides(suite));
}

function overrides(suite: Suite<Bench>): void {
  settingsCase(suite, 'are kept by policy and subject, until they are deleted', async ({ store }) => {
    assert.deepEqual(plain(await store.setOverride({ ...ada, rate: five })), { ...ada, rate: five });
    await store.setOverride({ ...bob, rate: 'unlimited' });
    await store.setOverride({ policy: 'apis', subject: 'user:ada', rate: twenty });
    assert.deepEqual(plain(await store.getOverride(ada)), { ...ada, rate: five });
    assert.deepEqual(plain(await store.getOverride(bob)), { ...bob, rate: 'unlimited' });
    assert.deepEqual(plain(await store.getOverride({ ...ada, policy: 'apis' })), {
      policy: 'apis',
      subject: 'user:ada',
      rate: twenty,
    });
    assert.equal(await store.deleteOverride(ada), true);
    assert.equal(await store.deleteOverride(ada), false);
    assert.equal(await store.getOverride(ada), undefined);
    assert.notEqual(await store.getOverride(bob), undefined);
  });

  settingsCase(suite, 'replace the previous one, and its expiry', async ({ store, clock }) => {
    const { expiresAt } = await store.setOverride({ ...ada, rate: five, expiresInMs: 1000 });
    assert.equal(expiresAt, clock.now() + 1000);
    assert.deepEqual(plain(await store.setOverride({ ...ada, rate: twenty })), { ...ada, rate: twenty });
    clock.advance(5000);
    assert.deepEqual(plain(await store.getOverride(ada)), { ...ada, rate: twenty });
  });

  settingsCase(suite, 'end at the instant of their expiry, and not a millisecond earlier', async ({ store, clock }) => {
    await store.setOverride({ ...ada, rate: five, expiresInMs: 1000 });
    await store.setOverride({ ...bob, rate: five, expiresInMs: 1001 });
    clock.advance(999);
    assert.equal((await store.getOverride(ada))?.expiresAt, clock.now() + 1);
    assert.deepEqual(await listed(store, 'api'), ['user:ada', 'user:bob']);
    clock.advance(1);
    assert.equal(await store.getOverride(ada), undefined);
    assert.deepEqual(await listed(store, 'api'), ['user:bob']);
    assert.equal(await store.deleteOverride(ada), false);
  });

  settingsCase(suite, 'are listed in pages, each once, of one policy or of all', async ({ store }) => {
    for (const policy of ['api', 'api.2', 'b']) {
      for (let i = 0; i < 5; i++) await store.setOverride({ policy, subject: `user:${i}`, rate: five });
    }
    const users = [0, 1, 2, 3, 4].map((i) => `user:${i}`);
    for (const limit of [1, 2, 5, 6]) {
      assert.deepEqual(await listed(store, 'api', limit), users);
      assert.deepEqual(await listed(store, 'api.2', limit), users);
      assert.deepEqual(await listed(store, undefined, limit), [...users, ...users, ...users].sort());
    }
    assert.deepEqual(await listed(store, 'ap'), []);
    assert.deepEqual(plain((await store.listOverrides('b', { limit: 1 })).entries[0]), {
      policy: 'b',
      subject: 'user:0',
      rate: five,
    });
    const { entries, cursor } = await store.listOverrides('api', { limit: 1000 });
    assert.deepEqual([entries.length, cursor], [5, undefined]);
  });

  settingsCase(
    suite,
    'are listed while some are deleted: a page continues after the previous one',
    async ({ store }) => {
      for (let i = 0; i < 4; i++) await store.setOverride({ policy: 'api', subject: `user:${i}`, rate: five });
      const { entries, cursor } = await store.listOverrides('api', { limit: 2 });
      for (const { subject } of entries) await store.deleteOverride({ policy: 'api', subject });
      const rest = await store.listOverrides('api', { limit: 2, ...(cursor !== undefined && { cursor }) });
      assert.deepEqual(rest.entries.map(({ subject }) => subject).sort(), ['user:2', 'user:3']);
    },
  );

  settingsCase(suite, 'of two subjects are stored separately, even if the subjects look alike', async ({ store }) => {
    for (const [i, subject] of SUBJECTS.entries()) {
      await store.setOverride({ policy: 'api', subject, rate: { ...five, limit: i + 1 } });
    }
    for (const [i, subject] of SUBJECTS.entries()) {
      assert.deepEqual(plain(await store.getOverride({ policy: 'api', subject })), {
        policy: 'api',
        subject,
        rate: { ...five, limit: i + 1 },
      });
    }
    assert.deepEqual(await listed(store, 'api', 3), [...SUBJECTS].sort());
  });
}

/** Returns the subjects of all pages, sorted. */
async function listed(store: SettingsStore, policy: string | undefined, limit = 10): Promise<readonly string[]> {
  const subjects: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listOverrides(policy, cursor === undefined ? { limit } : { limit, cursor });
    assert.ok(page.entries.length <= limit, `expected at most ${limit} entries, got ${page.entries.length}`);
    subjects.push(...page.entries.map(({ subject }) => subject));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return subjects.sort();
}

/** Returns an override as a plain object: a backend may return further members. */
function plain(override: Override | undefined): Override | undefined {
  if (override === undefined) return undefined;
  const { policy, subject, rate, expiresAt } = override;
  return { policy, subject, rate, ...(expiresAt !== undefined && { expiresAt }) };
}
