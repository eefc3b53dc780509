export type { Backend, BackendEvent, Grant, Target } from './backends/backend.js';
export { BackendError } from './backends/backend-error.js';
export { type LeasableBackend, LeasingBackend } from './backends/leasing.backend.js';
export type { LeasingOptions } from './backends/leasing-options.js';
export { MemoryBackend, type MemoryBackendOptions } from './backends/memory.backend.js';
export { RedisBackend } from './backends/redis.backend.js';
export type { RedisBackendOptions } from './backends/redis-options.js';
export { ResilientBackend } from './backends/resilient.js';
export { type Clock, ManualClock, systemClock } from './core/clock.js';
export type { Charge, Decision, Outcome, Receipt } from './core/decision.js';
export { ThrottleConfigError } from './core/errors.js';
export type { FailureMode, Policy } from './core/policy.js';
export { parseRate, type Rate } from './core/rate.js';
export type {
  GatewayOptions,
  Limit,
  MessageOption,
  MoreOptions,
  OnDenied,
  PolicyOptions,
  ScopeOption,
  Skip,
  What,
} from './decorators/policy-options.js';
export { SkipThrottle, Throttle } from './decorators/throttle.decorator.js';
export { ThrottleGuard } from './guards/throttle.guard.js';
export { ThrottleInterceptor } from './interceptors/throttle.interceptor.js';
export type {
  SocketOptions,
  ThrottleFeatureOptions,
  ThrottleModuleExtras,
  ThrottleModuleOptions,
} from './module/options.js';
export { ThrottleModule } from './module/throttle.module.js';
export { isThrottled, throttleWait } from './service/call-state.js';
export type { ThrottleEvent } from './service/events.js';
export { type CallOptions, ThrottleService } from './service/throttle.service.js';
export type { BuiltinStrategy } from './strategies/builtin.js';
export { definePolicy, type PolicySpec } from './strategies/define-policy.js';
export { defineStrategy, type State, type StateSize, type StepResult, type Strategy } from './strategies/strategy.js';
export { by, subjectOf } from './transports/by.js';
export { type By, type Call, type CallContext, type CostOf, EXEMPT, type HttpRequest } from './transports/call.js';
export type { ErrorStyle } from './transports/http-denial.js';
export type { HeaderStyle } from './transports/http-headers.js';
export type { RateLimitPayload } from './transports/socket-payload.js';
export { ThrottleException, ThrottleUnavailableException } from './transports/throttle.exception.js';
export type { TrustProxy } from './transports/trust-proxy.js';
