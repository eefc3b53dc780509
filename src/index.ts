export type { Backend, FailureDomains, Grant, Target } from './backends/backend.js';
export { BackendError } from './backends/backend-error.js';
export type { BackendEvent, DegradedDomains } from './backends/backend-events.js';
export type { Block, BlockStore } from './backends/blocks/block-store.js';
export type { HoldEnd, HoldReference, HoldRequest, HoldStore, SynchronousHoldStore } from './backends/hold-store.js';
export { type LeasableBackend, LeasingBackend } from './backends/leasing/leasing.backend.js';
export type { LeasingOptions } from './backends/leasing/leasing-options.js';
export { MemoryBackend, type MemoryBackendOptions } from './backends/memory/memory.backend.js';
export { RedisBackend } from './backends/redis/redis.backend.js';
export type { RedisBackendOptions } from './backends/redis/redis-options.js';
export { ResilientBackend } from './backends/resilience/resilient.backend.js';
export type {
  NewOverride,
  NewPolicyChange,
  Override,
  OverrideTarget,
  Page,
  PageRequest,
  PolicyChange,
  SettingsStore,
  StoredRate,
} from './backends/settings-store.js';
export { beginSettlement } from './backends/settlement.js';
export { type Clock, ManualClock, systemClock } from './core/clock.js';
export type {
  Charge,
  ChargeMode,
  Decision,
  DenialReason,
  Outcome,
  QuotaWindow,
  Receipt,
  StartedBlock,
  TakenCharge,
} from './core/decision.js';
export { ThrottleConfigError, type ThrottleErrorCode } from './core/errors.js';
export type { LimitName, PolicyName, PolicyNames } from './core/literals/policy-name.js';
export type {
  CalendarUnit,
  FailureMode,
  HeldUnits,
  OnError,
  Policy,
  PolicyBlock,
  PolicyCalendar,
  PolicyMode,
} from './core/policy.js';
export { type Duration, parseRate, type Rate, type RateText } from './core/rate.js';
export { receiptOf } from './core/receipt.js';
export type { BudgetOptions, ModulePolicy } from './decorators/budget-options.js';
export { CallSignal } from './decorators/call-signal.decorator.js';
export { Concurrency, type MoreConcurrencyOptions } from './decorators/concurrency.decorator.js';
export type { ConcurrencyOptions, QueueOptions } from './decorators/concurrency-options.js';
export type {
  ChargeWhen,
  GatewayOptions,
  Limit,
  MessageOption,
  MoreOptions,
  OnDenied,
  Phase,
  PolicyOptions,
  ScopeOption,
  Skip,
  What,
} from './decorators/policy-options.js';
export { type Preset, type Presets, presets } from './decorators/presets.js';
export { SkipThrottle, Throttle } from './decorators/throttle.decorator.js';
export { ThrottleGuard } from './guards/throttle.guard.js';
export { ThrottleInterceptor } from './interceptors/throttle.interceptor.js';
export { TokenBudget, type TokenBudgetOptions } from './interceptors/token-budget.js';
export { ThrottleModule } from './module/throttle.module.js';
export { THROTTLE_BACKEND } from './module/throttle-backend.js';
export type {
  SocketOptions,
  ThrottleFeatureOptions,
  ThrottleModuleExtras,
  ThrottleModuleOptions,
} from './module/throttle-module.options.js';
export { type RequestMiddleware, throttleRequests } from './module/throttle-requests.js';
export type { PlanEvent } from './planning/plans/plan-lookup.js';
export type { PlanOf, PlanOptions, Tier, TierOptions } from './planning/plans/plan-options.js';
export { BudgetHold, type MeterOptions } from './service/budgets/budget-hold.js';
export { BudgetReservations } from './service/budgets/budget-reservations.js';
export type { ThrottleEvent, Violation } from './service/calls/events.js';
export type { Run } from './service/calls/permits/run-permits.js';
export { isThrottled, throttleWait } from './service/calls/session-store.js';
export type { PolicyState, PolicyUpdate, RuntimePolicies } from './service/policies/runtime-policies.js';
export type { CallOptions, PolicyCharge, RunOptions } from './service/service-arguments.js';
export type { Tally } from './service/tally.js';
export { ThrottleService } from './service/throttle.service.js';
export { type BlockListOptions, ThrottleBlocks } from './service/throttle-blocks.js';
export {
  type OverrideListOptions,
  type OverrideOptions,
  type OverrideSpec,
  ThrottleOverrides,
} from './service/throttle-overrides.js';
export type { ThrottlePlans } from './service/throttle-plans.js';
export type { BlockOptions } from './strategies/blocks/block-options.js';
export type { BuiltinStrategy } from './strategies/built-in-strategies.js';
export { calendarArguments } from './strategies/calendar/quota-windows.js';
export type { StrategyName, StrategyNames } from './strategies/checked-spec.js';
export { definePolicy, type PolicySpec } from './strategies/define-policy.js';
export {
  type BudgetSpec,
  type ConcurrencySpec,
  defineBudget,
  defineConcurrency,
} from './strategies/held/define-held-policy.js';
export { defineStrategy, type State, type StateSize, type StepResult, type Strategy } from './strategies/strategy.js';
export {
  type By,
  type Call,
  type CallContext,
  type CallResult,
  type CostOf,
  EXEMPT,
  type HttpRequest,
  type ModeOf,
} from './transports/call.js';
export { FunctionTimeoutException } from './transports/functions/function-timeout.exception.js';
export type { ErrorStyle } from './transports/http/denial-exception.js';
export type { HeaderDialect, HeaderStyle } from './transports/http/header-dialects.js';
export { ThrottleException, ThrottleUnavailableException } from './transports/http/throttle.exception.js';
export { type AddressOptions, by } from './transports/identity/by.js';
export { type HeaderOptions, type SubjectOf, subjectOf } from './transports/identity/subject.js';
export type { TrustProxy } from './transports/identity/trust-proxy.js';
export type { RetryJitterOption } from './transports/retry-jitter.js';
export type { RateLimitPayload } from './transports/sockets/rate-limit-message.js';
