export { ManualClock } from '../core/clock.js';
