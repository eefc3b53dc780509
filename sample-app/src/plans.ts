import type { PlanOptions } from 'nestjs-sluice';

/** Stands for a table of accounts: which plan the client with a key has booked. */
const BOOKED: ReadonlyMap<unknown, string> = new Map([
  ['ada', 'pro'],
  ['grace', 'enterprise'],
]);

/** Rates of the policy `api` by the plan of a client. Everybody without a plan has the policy's own. */
export const plans: PlanOptions = {
  of: async ({ request }) => BOOKED.get(request?.headers['x-api-key']),
  default: 'free',
  tiers: { free: {}, pro: { api: '8/min' }, enterprise: { api: 'unlimited' } },
};
