import { Controller, Get } from '@nestjs/common';
import { Throttle } from 'nestjs-sluice';

@Controller()
export class AppController {
  @Throttle('search')
  @Get()
  search(): string {
    return 'Hello World!';
  }
}
