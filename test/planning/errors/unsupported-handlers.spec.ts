import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, SetMetadata, type Type } from '@nestjs/common';
import { SkipThrottle, Throttle, ThrottleConfigError, type ThrottleModuleOptions } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

/** The metadata of the decorators of @nestjs/graphql and @nestjs/microservices on a class or method. */
const Resolver = () => SetMetadata('graphql:resolver_type', 'Report');
const MessagePattern = (pattern: string) => SetMetadata('microservices:pattern', [pattern]);

@Resolver()
@Injectable()
class ReportResolver {
  @Throttle('5/min') reports() {}
}

@Resolver()
@Injectable()
class PlainResolver {
  reports() {}
}

@SkipThrottle()
@Resolver()
@Injectable()
class OpenResolver {
  reports() {}
}

@Controller()
class JobsController {
  @Throttle('5/min') @MessagePattern('jobs.run') run() {}

  @MessagePattern('jobs.list') list() {}

  @SkipThrottle() @MessagePattern('jobs.ping') ping() {}

  @Throttle('5/min') @Get('jobs') http() {}
}

describe.each(adapters)('handlers that this version does not limit, on %s', (adapter) => {
  const warningsOf = async (
    providers: Type[],
    controllers: Type[] = [],
    options: ThrottleModuleOptions = {},
  ): Promise<string[]> => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter, providers, controllers, options, warnings });
    await app.send('/jobs');
    return warnings;
  };
  const warning = (names: string) => [
    `Not limited: ${names}. This version limits calls over HTTP and WebSockets only.`,
  ];

  it('pass, with a warning at startup: a resolver with a limit', async () => {
    expect(await warningsOf([ReportResolver])).toEqual(warning('ReportResolver'));
  });

  it('pass, with a warning at startup: a message pattern with a limit', async () => {
    expect(await warningsOf([], [JobsController])).toEqual(warning('JobsController.run'));
  });

  it('are named in one warning', async () => {
    expect(await warningsOf([ReportResolver, PlainResolver], [JobsController])).toEqual(
      warning('JobsController.run, ReportResolver'),
    );
  });

  it('are named if the default of the module would limit them', async () => {
    expect(await warningsOf([PlainResolver, OpenResolver], [JobsController], { default: '9/min' })).toEqual(
      warning('JobsController.run, JobsController.list, PlainResolver'),
    );
  });

  it('are not named if nothing would limit them', async () => {
    const options = { sockets: { connections: '9/min' } };
    expect(await warningsOf([PlainResolver, OpenResolver], [], options)).toEqual([]);
  });

  it('stop startup if there is a mistake in their limits', async () => {
    @Resolver()
    @Injectable()
    class WrongResolver {
      @Throttle('serach') reports() {}
    }
    await expect(warningsOf([WrongResolver], [], { policies: { search: '5/min' } })).rejects.toThrow(
      new ThrottleConfigError(
        'SLUICE_UNKNOWN_POLICY',
        '@Throttle("serach") on WrongResolver.reports: no policy has this name. Did you mean "search"? Known: search.',
      ),
    );
  });

  it('do not affect the routes of their class', async () => {
    await using app = await startApp({ adapter, controllers: [JobsController] });
    expect((await app.send('/jobs')).headers['ratelimit-policy']).toBe('"default";q=5;w=60');
  });
});
