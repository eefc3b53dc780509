import { type DynamicModule, Module } from '@nestjs/common';
import { ThrottleConfigError } from '../core/errors.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import type { ThrottleFeatureOptions } from './throttle-module.options.js';
import { assertFeatureOptions } from './validate-options.js';

const FEATURE = Symbol('ThrottleModule feature');

@Module({})
class ThrottleFeatureModule {}

/** Returns the module of `ThrottleModule.forFeature`, which adds policies when Nest creates its providers. */
export function featureModule(options: ThrottleFeatureOptions): DynamicModule {
  const feature = {
    provide: FEATURE,
    useFactory: (registry?: PolicyRegistry) => addPolicies(registry, options),
    inject: [{ token: PolicyRegistry, optional: true }],
  };
  return { module: ThrottleFeatureModule, providers: [feature] };
}

function addPolicies(registry: PolicyRegistry | undefined, options: ThrottleFeatureOptions): void {
  if (registry === undefined) {
    throw new ThrottleConfigError(
      'ThrottleModule.forFeature: there is no ThrottleModule.forRoot() to add to. Import it in the root module, and leave it global there.',
    );
  }
  assertFeatureOptions(options);
  registry.add(options.policies);
}
