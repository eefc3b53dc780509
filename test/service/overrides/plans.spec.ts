import { describe, expect, it } from '@jest/globals';
import { by, type PolicyOptions, ThrottleService } from '../../../src/index.js';
import { startApp } from '../../support/http-app.js';
import { backends, useBackends } from '../handler-phase/backends.js';
import { as, type UserRequest } from '../handler-phase/guards.js';
import { NotesController } from './notes-controller.js';

describe.each(backends)('overrides beside plans, on %s', (name) => {
  const redis = useBackends();

  const start = (overrides: PolicyOptions['overrides'] = true) =>
    startApp({
      adapter: 'express',
      controllers: [NotesController],
      options: {
        backend: redis.make(name),
        policies: { api: { rate: '2/h', strategy: 'fixed-window', by: by.user(), overrides } as PolicyOptions },
        plans: {
          of: ({ request }) => {
            const { user }: Partial<UserRequest> = Object(request);
            return user?.role;
          },
          default: 'member',
          tiers: { member: {}, pro: { api: '3/h' }, enterprise: { api: 'unlimited' } },
        },
      },
    });

  const ann = (role: string) => as('ann', { 'x-role': role });

  it('take precedence', async () => {
    await using app = await start();
    const { overrides } = app.app.get(ThrottleService);
    expect(await app.statuses('/notes', 4, ann('pro'))).toEqual([200, 200, 200, 429]);
    await overrides.set('api', 'user:ann', '5/h');
    expect(await app.statuses('/notes', 2, ann('pro'))).toEqual([200, 200]);
    expect(await app.statuses('/notes', 1, ann('member'))).toEqual([429]);
    await overrides.delete('api', 'user:ann');
    await overrides.set('api', 'user:bob', 'unlimited');
    expect(await app.statuses('/notes', 5, as('bob'))).toEqual([200, 200, 200, 200, 200]);
  });

  it('limit clients that a plan does not limit', async () => {
    await using app = await start([by.user(), () => 'org:1']);
    const { overrides } = app.app.get(ThrottleService);
    expect(await app.statuses('/notes', 5, ann('enterprise'))).toEqual([200, 200, 200, 200, 200]);
    await overrides.set('api', 'org:1', '2/h');
    expect(await app.statuses('/notes', 3, ann('enterprise'))).toEqual([200, 200, 429]);
    await overrides.delete('api', 'org:1');
    expect(await app.statuses('/notes', 3, ann('enterprise'))).toEqual([200, 200, 200]);
  });
});
