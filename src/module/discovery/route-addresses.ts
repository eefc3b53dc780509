import { RequestMethod, VersioningType } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { Class } from '../../planning/class-members.js';
import type { Address } from '../../planning/handler-identity.js';
import { hostsOf, modulePathOf, pathsOn, requestMethodOf, versionsOn } from './nest-metadata.js';

type Versioning = NonNullable<ReturnType<ApplicationConfig['getVersioning']>>;

/** The version in the path, and the suffix of the address if the version is not in the path. */
interface VersionParts {
  readonly path: string;
  readonly suffix: string;
}

const UNVERSIONED: VersionParts = { path: '', suffix: '' };

/**
 * The addresses of routes as served by Nest's router: `GET /api/v1/reports`, `GET /reports v=2 host=api.example.com`.
 */
export class RouteAddresses {
  /** The paths of all routes are final when the application initializes. */
  constructor(
    private readonly config: ApplicationConfig,
    private readonly applicationId: string,
  ) {}

  /** Returns the addresses of a route. @param modules the modules in which the controller is registered */
  of(type: Class, method: string, modules: readonly object[]): readonly Address[] {
    const route = type.prototype[method];
    const requestMethod = requestMethodOf(route);
    const hosts = hostsOf(type).map((host) => ` host=${host}`);
    const texts = new Set<string>();
    for (const version of this.#versionsOf(type, route)) {
      for (const path of this.#pathsOf(type, route, modules)) {
        const served = this.#servedPath(version.path, path, requestMethod);
        for (const host of hosts.length > 0 ? hosts : ['']) {
          texts.add(`${RequestMethod[requestMethod] ?? 'ALL'} ${served}${version.suffix}${host}`);
        }
      }
    }
    return [...texts].map((text) => ({ text, runsAll: false }));
  }

  /** Returns the paths without prefix and version. */
  #pathsOf(type: Class, route: object, modules: readonly object[]): readonly string[] {
    const prefixes = modules.length > 0 ? modules.map((module) => modulePathOf(module, this.applicationId)) : [''];
    return prefixes.flatMap((prefix) =>
      pathsOn(type).flatMap((path) => pathsOn(route).map((own) => join(join(prefix, path), own))),
    );
  }

  /** A route's versions replace its controller's, which replace the default. */
  #versionsOf(type: Class, route: object): readonly VersionParts[] {
    const versioning = this.config.getVersioning();
    if (versioning === undefined) return [UNVERSIONED];
    const versions = versionsOn(route) || (versionsOn(type) ?? versioning.defaultVersion) || [];
    const parts = [versions].flat().map((version) => versionParts(version, versioning));
    return parts.length > 0 ? parts : [UNVERSIONED];
  }

  /**
   * Adds the version, and before it the global prefix, unless the path without the version is excluded from the prefix.
   */
  #servedPath(version: string, path: string, requestMethod: RequestMethod): string {
    const prefix = withoutEndSlash(withLeadingSlash(this.config.getGlobalPrefix()));
    const versioned = join(version, path);
    const { exclude = [] } = this.config.getGlobalPrefixOptions();
    const isExcluded = exclude.some(
      (excluded) =>
        isFor(excluded.requestMethod, requestMethod) && excluded.pathRegex.test(withLeadingSlash(path) || '/'),
    );
    const served = isExcluded ? versioned : prefix + versioned;
    return withoutEndSlash(withLeadingSlash(served)) || '/';
  }
}

function versionParts(version: string | symbol, versioning: Versioning): VersionParts {
  if (typeof version === 'symbol') return UNVERSIONED;
  if (versioning.type !== VersioningType.URI) return { path: '', suffix: ` v=${version}` };
  const prefix = versioning.prefix === false ? '' : (versioning.prefix ?? 'v');
  return { path: `/${prefix}${version}`, suffix: '' };
}

/** In Nest's middleware routes, the method -1 means all methods. */
function isFor(excluded: RequestMethod, requestMethod: RequestMethod): boolean {
  return excluded === RequestMethod.ALL || Number(excluded) === -1 || excluded === requestMethod;
}

function join(path: string, next: string): string {
  return withoutEndSlash(path) + withLeadingSlash(next);
}

/** A path may begin with an optional part, `{/:lang}/reports`. */
function withLeadingSlash(path: string): string {
  return path === '' || path.startsWith('/') || path.startsWith('{/') ? path : `/${path}`;
}

function withoutEndSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
