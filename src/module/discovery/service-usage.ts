import { LazyModuleLoader, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { ThrottleService } from '../../service/throttle.service.js';

type Module = ModulesContainer extends Map<string, infer T> ? T : never;
type InstanceWrapper = ReturnType<Module['providers']['get']>;

/** What hands the service to whoever has it: itself, and what finds any provider, now or later. */
const WAYS: readonly unknown[] = [ThrottleService, ModuleRef, LazyModuleLoader];

/** Under which Nest keeps what a class is made of: its parameters' types, and those and the members that have `@Inject`. */
const TYPES = 'design:paramtypes';
const PARAMS = 'self:paramtypes';
const MEMBERS = 'self:properties_metadata';

/** Whether anything of the application may hold the service, by what Nest has injected: known once all has been made. */
export function isServiceInjected(modules: ModulesContainer): boolean {
  return [...modules.values()].some((module) => holders(module).some(holdsService));
}

function holders({ providers, controllers, injectables, middlewares }: Module): readonly InstanceWrapper[] {
  return [providers, controllers, injectables, middlewares].flatMap((wrappers) => [...wrappers.values()]);
}

function holdsService(wrapper: InstanceWrapper): boolean {
  if (wrapper === undefined) return false;
  const members = wrapper.getPropertiesMetadata()?.map((member) => member.wrapper) ?? [];
  const found = [...(wrapper.getCtorMetadata() ?? []), ...members].map((one) => one?.token);
  return [...found, ...asked(wrapper)].some((token) => WAYS.includes(token));
}

/** What is to be injected, as written: Nest 11 looks for what a provider of a request holds when the first one is made. */
function asked({ inject, metatype }: NonNullable<InstanceWrapper>): readonly unknown[] {
  if (Array.isArray(inject)) return inject.map(tokenOf);
  if (typeof metatype !== 'function') return [];
  const written = (key: string): readonly { param?: unknown; type?: unknown }[] =>
    Reflect.getMetadata(key, metatype) ?? [];
  const tokens = [...written(PARAMS).map(({ param }) => param), ...written(MEMBERS).map(({ type }) => type)];
  return [...written(TYPES), ...tokens.map(tokenOf)];
}

function tokenOf(written: unknown): unknown {
  if (typeof written !== 'object' || written === null) return written;
  if ('forwardRef' in written && typeof written.forwardRef === 'function') return written.forwardRef();
  return 'token' in written ? tokenOf(written.token) : written;
}
