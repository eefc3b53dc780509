import { Controller, Get, Query } from '@nestjs/common';
import { Throttle } from 'nestjs-sluice';

/** The policy `search` of the module, by name: one budget for both routes. */
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
