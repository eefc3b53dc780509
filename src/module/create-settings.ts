import { Logger } from '@nestjs/common';
import type { Backend } from '../backends/backend.js';
import { systemClock } from '../core/clock.js';
import { FencedListener } from '../core/emitter.js';
import { assertPlanOptions } from '../planning/plans/plan-options.js';
import type { RuntimeSettings, SocketSettings } from '../service/calls/runtime-settings.js';
import { BUILT_IN_STRATEGIES } from '../strategies/built-in-strategies.js';
import { FunctionDeadlines } from '../transports/functions/function-deadlines.js';
import { dialectsOf } from '../transports/http/header-dialects.js';
import { compileTrust } from '../transports/identity/trust-proxy.js';
import { RetryJitter, type RetryJitterOption } from '../transports/retry-jitter.js';
import { stackBackend } from './backend-stack.js';
import { assertBackend } from './throttle-backend.js';
import type { SocketOptions, ThrottleModuleOptions } from './throttle-module.options.js';
import { assertModuleOptions, assertSocketOptions, assertStrategies, MODULE, SOCKETS } from './validate-options.js';

/** Checks the module's options, before the backend is created. @throws ThrottleConfigError naming the option */
export function checkedOptions(options?: ThrottleModuleOptions): ThrottleModuleOptions {
  assertModuleOptions(options);
  assertStrategies(options.strategies ?? []);
  assertSocketOptions(options.sockets ?? {});
  if (options.plans !== undefined) assertPlanOptions(options.plans);
  return options;
}

/** Applies the defaults to checked options, and wraps the backend in its layers. */
export function createSettings(options: ThrottleModuleOptions, provided: Backend): RuntimeSettings {
  const { strategies = [], onError = 'local', functionTimeoutMs } = options;
  assertBackend('THROTTLE_BACKEND', provided);
  const logger = new Logger('ThrottleModule');
  const warn = fenced((message: string) => logger.warn(message));
  const deadlines = new FunctionDeadlines(functionTimeoutMs, warn);
  const { backend, unavailableForMs, failures } = stackBackend(provided, onError, deadlines);
  backend.use?.(strategies);
  return {
    backend,
    clock: backend.clock ?? systemClock,
    strategies: [...BUILT_IN_STRATEGIES, ...strategies],
    requests: options.requests,
    runtimePolicies: options.runtimePolicies ?? false,
    skip: options.skip,
    message: options.message,
    onDenied: options.onDenied,
    headers: dialectsOf(`${MODULE}.headers`, options.headers ?? 'standard'),
    errors: options.errors ?? 'nest',
    deadlines,
    retryJitter: retryJitter(options.retryJitter),
    ipv6Prefix: options.ipv6Prefix ?? 64,
    onError,
    unavailableForMs,
    failures,
    sockets: socketSettings(options.sockets),
    log: fenced((message: string) => logger.log(message)),
    warn,
    fail: fenced((error: unknown) => logger.error(error)),
  };
}

function retryJitter(option: RetryJitterOption = 0): RetryJitter | undefined {
  const { share, random } = typeof option === 'number' ? { share: option } : option;
  return share === 0 ? undefined : new RetryJitter(share, random);
}

/** Returns a method of the logger that never throws, although the application's logger may. */
function fenced<T>(write: (entry: T) => void): (entry: T) => void {
  const listener = new FencedListener(write);
  return (entry) => listener.call(entry);
}

function socketSettings(options: SocketOptions = {}): SocketSettings {
  const { connections, frames, trustProxy } = options;
  return {
    connections,
    frames,
    trusts: trustProxy === undefined ? undefined : compileTrust(`${SOCKETS}.trustProxy`, trustProxy),
    closeAfter: options.closeAfter ?? Number.POSITIVE_INFINITY,
    noticeEveryMs: options.noticeEveryMs ?? 1000,
    maxPending: options.maxPending ?? 32,
  };
}
