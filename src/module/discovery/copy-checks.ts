import type { DiscoveryService, ModulesContainer } from '@nestjs/core';
import { COPY, type Copy, otherCopies, THIS_COPY } from '../../core/copies.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { Class } from '../../planning/class-members.js';
import { importsOn } from './nest-metadata.js';
import { isAnyInjected } from './service-usage.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

const IN_ONE_WAY =
  'Load nestjs-sluice in one way, by import or by require, and in one version ("npm ls nestjs-sluice").';

/** Throws if the module is imported twice, from one copy of this library or from two. @throws ThrottleConfigError */
export function assertImportedOnce(providers: readonly InstanceWrapper[], modules: ModulesContainer): void {
  const imported = providers.filter(({ token }) => token === COPY);
  if (imported.length < 2) return;
  const copies = new Set(imported.map(({ instance }: { readonly instance: Copy }) => instance));
  if (copies.size === 1) {
    throw new ThrottleConfigError(
      'SLUICE_DUPLICATE_MODULE',
      `ThrottleModule.forRoot: imported twice${importersOf(imported[0]?.host?.metatype, modules)}, which would charge each call twice. Import it once; use forFeature for the policies of other modules.`,
    );
  }
  throw new ThrottleConfigError(
    'SLUICE_TWO_COPIES',
    `ThrottleModule.forRoot: imported from several copies of nestjs-sluice, which would charge every call several times: ${pathsOf([...copies])}. ${IN_ONE_WAY}`,
  );
}

/**
 * Throws if a class of another copy is injected, even into a class that Nest does not create at startup. @throws
 * ThrottleConfigError
 */
export function assertNoneOfOtherCopies(modules: ModulesContainer): void {
  for (const copy of otherCopies()) {
    const injected = [...copy.injectables].find((type) => isAnyInjected(modules, [type]));
    if (injected !== undefined) throw otherCopyInjected(injected, copy);
  }
}

/** Returns the error for an injected class of another copy. */
export function otherCopyInjected({ name }: Class, { path }: Copy): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_TWO_COPIES',
    `${name}: expected the class of the copy of nestjs-sluice whose ThrottleModule.forRoot is imported, ${THIS_COPY.path}, got that of another copy, ${path}. ${IN_ONE_WAY}`,
  );
}

/** Returns the error for a `forFeature` without a `forRoot` of this copy. */
export function withoutRoot(): ThrottleConfigError {
  const others = otherCopies();
  const fix =
    others.length === 0
      ? 'Import it in the root module, and leave it global there.'
      : `forFeature is that of ${THIS_COPY.path}, and another copy of nestjs-sluice is loaded: ${pathsOf(others)}. ${IN_ONE_WAY}`;
  return new ThrottleConfigError(
    'SLUICE_MISSING_FOR_ROOT',
    `ThrottleModule.forFeature: ThrottleModule.forRoot() is not imported. ${fix}`,
  );
}

/**
 * Returns the modules that import a dynamic module of a class: `, by AppModule and SearchModule`. Empty unless both
 * imports are in decorators.
 */
function importersOf(type: unknown, modules: ModulesContainer): string {
  const importers = [...modules.values()].flatMap(({ metatype, name }) =>
    importsOn(metatype).flatMap((entry) => (Reflect.get(Object(entry), 'module') === type ? name : [])),
  );
  return importers.length < 2 ? '' : `, by ${[...new Set(importers)].join(' and ')}`;
}

function pathsOf(copies: readonly Copy[]): string {
  return copies.map(({ path }) => path).join(', ');
}
