// A library in CommonJS, which loads the package by `require`.
import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, Get, UseFilters } from '@nestjs/common';
import * as sluice from 'nestjs-sluice';

export { sluice };

/** Answers what the other copy denies. */
@Catch(sluice.ThrottleException)
class LegacyFilter implements ExceptionFilter {
  catch(exception: sluice.ThrottleException, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest();
    const waitMs = sluice.throttleWait(request);
    host
      .switchToHttp()
      .getResponse()
      .status(exception.getStatus())
      .json({
        caughtBy: 'legacy',
        policy: exception.outcome.binding?.policy,
        isThrottled: sluice.isThrottled(request),
        hasWait: waitMs !== null && waitMs > 0,
      });
  }
}

@UseFilters(LegacyFilter)
@Controller('legacy')
export class LegacyController {
  @sluice.Throttle('2/min')
  @Get('limited')
  limited(): string {
    return 'limited';
  }

  @sluice.Throttle('2/min', { by: () => sluice.EXEMPT })
  @Get('exempt')
  exempt(): string {
    return 'exempt';
  }

  @sluice.SkipThrottle()
  @Get('skipped')
  skipped(): string {
    return 'skipped';
  }
}
