import { Controller, Get } from '@nestjs/common';
import { Throttle } from 'nestjs-sluice';

/** The policy `api` of the module, at the rate of the plan of the client's key. */
@Throttle('api')
@Controller('api')
export class ApiController {
  @Get()
  weather() {
    return { sky: 'clear' };
  }
}
