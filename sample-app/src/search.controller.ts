import { Controller, Get, Query } from '@nestjs/common';
import { Throttle } from 'nestjs-sluice';

/** The policy `search` of the module, by name. Both routes share one budget. */
@Controller()
export class SearchController {
  @Throttle('search')
  @Get('search')
  search(@Query('q') q = '') {
    return { q, found: 3 };
  }

  @Throttle('search')
  @Get('suggest')
  suggest(@Query('q') q = '') {
    return [`${q}s`, `${q}ing`];
  }
}
