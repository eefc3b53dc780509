import type { ThrottleMatchers } from '../../../src/testing/index.js';

declare module 'expect' {
  interface Matchers<R> extends ThrottleMatchers<R> {}
}
