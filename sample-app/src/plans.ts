import type { PlanOptions } from 'nestjs-sluice';

/** Stands for a table of accounts: the plan of the client with a key. */
const BOOKED: ReadonlyMap<unknown, string> = new Map([
  ['ada', 'pro'],
  ['grace', 'enterprise'],
]);

/** Rates of the policy `api` by plan. Clients without a plan have the policy's own rate. */
export const plans: PlanOptions = {
  of: async ({ request }) => BOOKED.get(request?.headers['x-api-key']),
  default: 'free',
  tiers: { free: {}, pro: { api: '8/min' }, enterprise: { api: 'unlimited' } },
};
