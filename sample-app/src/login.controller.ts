import { BadRequestException, Body, Controller, HttpCode, Inject, Post, UnauthorizedException } from '@nestjs/common';
import { by, subjectOf, Throttle, ThrottleService } from 'nestjs-sluice';

/** The body of a request, which may be anything. */
interface Credentials {
  readonly name?: unknown;
  readonly password?: unknown;
}

@Controller('login')
export class LoginController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  /**
   * Counts only failures: by address, and by user name from any address. A success resets the failures of its name.
   */
  @Throttle('5/min', {
    by: by.ip(),
    strategy: 'sliding-log',
    chargeWhen: 'failure',
    message: 'Too many tries. Have a coffee.',
  })
  @HttpCode(200)
  @Post()
  async login(@Body() { name, password }: Credentials = {}) {
    if (typeof name !== 'string' || name === '') throw new BadRequestException('name: expected a string');
    const account = { subject: subjectOf.user(name.toLowerCase()) };
    await this.throttle.hit('account', 1, account);
    if (password !== 'sesame') throw new UnauthorizedException();
    await this.throttle.reset('account', account);
    return { welcome: name };
  }
}
