import { LazyModuleLoader, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { ThrottleService } from '../../service/throttle.service.js';
import { injectedInto } from './nest-metadata.js';

type Module = ModulesContainer extends Map<string, infer T> ? T : never;
type InstanceWrapper = NonNullable<ReturnType<Module['providers']['get']>>;

/** The providers through which a class can get the service: the service itself, and those that resolve any provider. */
const SERVICE_SOURCES: readonly unknown[] = [ThrottleService, ModuleRef, LazyModuleLoader];

/**
 * Returns true if any class of the application may get the service from Nest. The result is final when all providers
 * are instantiated.
 */
export function isServiceInjected(modules: ModulesContainer): boolean {
  return isAnyInjected(modules, SERVICE_SOURCES);
}

/** Returns true if any class of the application injects the service itself. */
export function isServiceRequested(modules: ModulesContainer): boolean {
  return isAnyInjected(modules, [ThrottleService]);
}

/** Returns true if any class of the application injects one of these tokens. */
export function isAnyInjected(modules: ModulesContainer, tokens: readonly unknown[]): boolean {
  return [...modules.values()].some((module) => wrappersOf(module).some((one) => mayHold(one, tokens)));
}

function wrappersOf({ providers, controllers, injectables, middlewares }: Module): readonly InstanceWrapper[] {
  return [providers, controllers, injectables, middlewares]
    .flatMap((wrappers) => [...wrappers.values()])
    .filter((wrapper) => wrapper !== undefined);
}

function mayHold(wrapper: InstanceWrapper, tokens: readonly unknown[]): boolean {
  const parameters = wrapper.getCtorMetadata() ?? [];
  const properties = wrapper.getPropertiesMetadata()?.map((property) => property.wrapper) ?? [];
  const injected = [...parameters, ...properties].map((one) => one?.token);
  return [...injected, ...declaredTokens(wrapper)].some((token) => tokens.includes(token));
}

/**
 * Returns the tokens as declared: Nest 11 resolves the dependencies of a request-scoped provider only when it creates
 * the first one.
 */
function declaredTokens({ inject, metatype }: InstanceWrapper): readonly unknown[] {
  if (Array.isArray(inject)) return inject.map(tokenOf);
  return typeof metatype === 'function' ? injectedInto(metatype).map(tokenOf) : [];
}

/** Unwraps `forwardRef()` and `{ token, optional }`. */
function tokenOf(declared: unknown): unknown {
  if (typeof declared !== 'object' || declared === null) return declared;
  if ('forwardRef' in declared && typeof declared.forwardRef === 'function') return declared.forwardRef();
  return 'token' in declared ? tokenOf(declared.token) : declared;
}
