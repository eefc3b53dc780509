import { BadRequestException, Body, Controller, Get, Inject, Param, Put, UseGuards } from '@nestjs/common';
import { Throttle, ThrottleConfigError, ThrottleService } from 'nestjs-sluice';
import { OperatorGuard } from './operator.guard.js';

/**
 * A policy that is monitored until an operator switches it on. The change is in force in every process within a second.
 */
@Controller()
export class PoliciesController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('trends')
  @Get('trends')
  trends() {
    return ['locks', 'weirs'];
  }

  @UseGuards(OperatorGuard)
  @Get('policies')
  async list() {
    return { policies: await this.throttle.policies.list(), violations: Object.fromEntries(this.throttle.violations) };
  }

  @UseGuards(OperatorGuard)
  @Put('policies/:name')
  async update(@Param('name') name: string, @Body() { mode }: { readonly mode?: unknown } = {}) {
    if (mode !== 'on' && mode !== 'off' && mode !== 'monitor')
      throw new BadRequestException('mode: on, off or monitor');
    try {
      return await this.throttle.policies.update(name, { mode });
    } catch (error) {
      throw error instanceof ThrottleConfigError ? new BadRequestException(error.message) : error;
    }
  }
}
