import { LazyModuleLoader, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { ThrottleService } from '../../service/throttle.service.js';
import { injectedInto } from './nest-metadata.js';

type Module = ModulesContainer extends Map<string, infer T> ? T : never;
type InstanceWrapper = NonNullable<ReturnType<Module['providers']['get']>>;

/** The providers through which a class gets the service: itself, and those that find any provider, now or later. */
const SERVICE_SOURCES: readonly unknown[] = [ThrottleService, ModuleRef, LazyModuleLoader];

/**
 * Returns true if any class of the application may hold the service, by what Nest injects. The answer is final once all
 * providers are instantiated.
 */
export function isServiceInjected(modules: ModulesContainer): boolean {
  return isAnyInjected(modules, SERVICE_SOURCES);
}

/** Returns true if any class of the application asks for the service itself. */
export function isServiceRequested(modules: ModulesContainer): boolean {
  return isAnyInjected(modules, [ThrottleService]);
}

/** Returns true if any class of the application asks for one of these tokens. */
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

/** The tokens as declared: Nest 11 resolves what a request-scoped provider holds only when the first one is made. */
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
