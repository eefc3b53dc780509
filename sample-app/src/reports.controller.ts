import { Controller, Get } from '@nestjs/common';
import { SkipThrottle, Throttle } from 'nestjs-sluice';

/** A limit on the class is one budget, shared by its handlers. */
@Throttle('20/min')
@Controller('reports')
export class ReportsController {
  @Get()
  list() {
    return ['2026-q3', '2026-q4'];
  }

  /** Tighter than its class, with a separate budget; two limits, of which both or neither are charged. */
  @Throttle('2/s; 5/min')
  @Get('latest')
  latest() {
    return { name: '2026-q4' };
  }

  /** Weighted: a PDF costs five units, so four of them fit into a minute. */
  @Throttle('20/min', 5)
  @Get('pdf')
  pdf() {
    return { pages: 120 };
  }

  @SkipThrottle()
  @Get('up')
  up() {
    return 'up';
  }
}
