import { Controller, Get } from '@nestjs/common';
import { Throttle } from 'nestjs-sluice';

/** The policy `api` of the module, at the rate that the plan of the client's key has. */
@Throttle('api')
@Controller('api')
export class ApiController {
  @Get()
  weather() {
    return { sky: 'clear' };
  }
}
