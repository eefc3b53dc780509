export { ManualClock } from '../core/clock.js';
export { disableThrottle, type OverridableModule, useManualClock } from './overrides.js';
export { ThrottleTestingModule, type ThrottleTestingOptions } from './throttle-testing.module.js';
