import assert from 'node:assert/strict';
import type { SettingsStore } from '../../../../backends/settings-store.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { five, settingsCase, twenty } from './settings-case.js';

/** Storing changes to policies. */
export function storedChanges(suite: Suite<Bench>): void {
  suite.group('changes to policies', () => changes(suite));
}

function changes(suite: Suite<Bench>): void {
  settingsCase(suite, 'are listed with the instant at which they were made', async ({ store, clock }) => {
    assert.deepEqual(await store.listPolicyChanges(), []);
    const change = await store.changePolicy({ policy: 'api', rate: five });
    assert.deepEqual(change, { policy: 'api', rate: five, changedAt: clock.now() });
    clock.advance(500);
    await store.changePolicy({ policy: 'login', rate: twenty, mode: 'monitor' });
    assert.deepEqual(await changesByName(store), [
      { policy: 'api', rate: five, changedAt: clock.now() - 500 },
      { policy: 'login', rate: twenty, mode: 'monitor', changedAt: clock.now() },
    ]);
  });

  settingsCase(suite, 'do not change members that they do not name', async ({ store, clock }) => {
    await store.changePolicy({ policy: 'api', rate: five });
    clock.advance(500);
    assert.deepEqual(await store.changePolicy({ policy: 'api', mode: 'off' }), {
      policy: 'api',
      mode: 'off',
      changedAt: clock.now(),
    });
    assert.deepEqual(await changesByName(store), [{ policy: 'api', rate: five, mode: 'off', changedAt: clock.now() }]);
    await store.changePolicy({ policy: 'api', rate: twenty });
    assert.deepEqual(await changesByName(store), [
      { policy: 'api', rate: twenty, mode: 'off', changedAt: clock.now() },
    ]);
    await store.resetPolicy('api');
    await store.changePolicy({ policy: 'api', mode: 'on' });
    assert.deepEqual(await changesByName(store), [{ policy: 'api', mode: 'on', changedAt: clock.now() }]);
  });

  settingsCase(suite, 'are removed one by one', async ({ store, clock }) => {
    await store.changePolicy({ policy: 'api', mode: 'off' });
    await store.changePolicy({ policy: 'login', mode: 'on' });
    await store.resetPolicy('api');
    await store.resetPolicy('nobody');
    assert.deepEqual(await changesByName(store), [{ policy: 'login', mode: 'on', changedAt: clock.now() }]);
  });

  settingsCase(suite, 'have a version that changes with each of them, and only then', async ({ store, backend }) => {
    const versions = [await store.version()];
    await store.changePolicy({ policy: 'api', mode: 'off' });
    versions.push(await store.version());
    await store.changePolicy({ policy: 'api', mode: 'off' });
    versions.push(await store.version());
    await store.resetPolicy('api');
    versions.push(await store.version());
    await store.resetPolicy('api');
    versions.push(await store.version());
    assert.deepEqual(
      versions.filter((version) => !Number.isSafeInteger(version)),
      [],
    );
    assert.equal(new Set(versions).size, versions.length);
    await store.setOverride({ policy: 'api', subject: 'user:ada', rate: five });
    await store.listPolicyChanges();
    await backend.reset([]);
    assert.equal(await store.version(), versions.at(-1));
  });
}

async function changesByName(store: SettingsStore) {
  const changes = [...(await store.listPolicyChanges())];
  return changes.sort((a, b) => (a.policy < b.policy ? -1 : 1));
}
