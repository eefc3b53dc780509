import { type DynamicModule, Module } from '@nestjs/common';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { withoutRoot } from './discovery/copy-checks.js';
import type { ThrottleFeatureOptions } from './throttle-module.options.js';
import { assertFeatureOptions } from './validate-options.js';

const FEATURE = Symbol.for('nestjs-sluice:feature');

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
  if (registry === undefined) throw withoutRoot();
  assertFeatureOptions(options);
  registry.add(options.policies);
}
