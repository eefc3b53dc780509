import { LazyModuleLoader, ModuleRef, type ModulesContainer } from '@nestjs/core';
import { ThrottleService } from '../service/throttle.service.js';

type Module = ModulesContainer extends Map<string, infer T> ? T : never;
type InstanceWrapper = ReturnType<Module['providers']['get']>;

/** What hands the service to whoever has it: itself, and what finds any provider, now or later. */
const WAYS: readonly unknown[] = [ThrottleService, ModuleRef, LazyModuleLoader];

/** Whether anything of the application may hold the service, by what Nest has injected: known once all has been made. */
export function isServiceUsed(modules: ModulesContainer): boolean {
  return [...modules.values()].some((module) => holders(module).some(holdsService));
}

function holders({ providers, controllers, injectables, middlewares }: Module): readonly InstanceWrapper[] {
  return [providers, controllers, injectables, middlewares].flatMap((wrappers) => [...wrappers.values()]);
}

function holdsService(wrapper: InstanceWrapper): boolean {
  const members = wrapper?.getPropertiesMetadata()?.map((member) => member.wrapper) ?? [];
  return [...(wrapper?.getCtorMetadata() ?? []), ...members].some((found) => WAYS.includes(found?.token));
}
