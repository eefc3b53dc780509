export { ManualClock } from '../core/clock.js';
export {
  type BackendContractOptions,
  backendContract,
} from './contract/backend-contract.js';
export type { RandomSource } from './contract/harness/random.js';
export type { ContractCase } from './contract/harness/suite.js';
export { type StrategyContractOptions, strategyContract } from './contract/strategy-contract.js';
export {
  type AnyResponse,
  type ReportedLimit,
  type ReportedLimits,
  reportedLimits,
} from './matchers/reported-limits.js';
export {
  type MatcherResult,
  type ThrottledExpectation,
  type ThrottleMatchers,
  throttleMatchers,
} from './matchers/throttle-matchers.js';
export { disableThrottle, type OverridableModule, useManualClock } from './overrides.js';
export { ThrottleTestingModule, type ThrottleTestingOptions } from './throttle-testing.module.js';
