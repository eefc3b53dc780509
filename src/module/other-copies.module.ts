import {
  type DynamicModule,
  type FactoryProvider,
  type ForwardReference,
  forwardRef,
  Module,
  Scope,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { otherCopies } from '../core/copies.js';
import { otherCopyInjected } from './discovery/copy-checks.js';

@Module({})
class OtherCopiesModule {}

/**
 * Returns a module that provides the classes of other copies of this library and throws when one is injected, because
 * Nest would only report that it cannot be resolved. A copy that is loaded but not injected does not throw, because
 * providers of this scope are created only when they are injected.
 *
 * It is created once, when Nest scans the modules, after all files are loaded; Nest scans it several times. Without
 * other copies it is a module that ThrottleModule imports anyway, so that no empty module is logged.
 */
export function otherCopiesModule(): ForwardReference {
  let made: DynamicModule | Type | undefined;
  return forwardRef(() => {
    made ??= otherCopies().length === 0 ? DiscoveryModule : refusingModule();
    return made;
  });
}

function refusingModule(): DynamicModule {
  const providers = otherCopies().flatMap((copy) =>
    [...copy.injectables].map((type): FactoryProvider => {
      const refuse = () => {
        throw otherCopyInjected(type, copy);
      };
      return { provide: type, useFactory: refuse, scope: Scope.TRANSIENT };
    }),
  );
  return { module: OtherCopiesModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
}
