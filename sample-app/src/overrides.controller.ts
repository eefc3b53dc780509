import { BadRequestException, Body, Controller, Delete, Get, Inject, Param, Put, UseGuards } from '@nestjs/common';
import { subjectOf, ThrottleConfigError, ThrottleService } from 'nestjs-sluice';
import { OperatorGuard } from './operator.guard.js';

/** Rates for single keys, under the policy `api`. They apply to the next call in every process. */
@UseGuards(OperatorGuard)
@Controller('overrides')
export class OverridesController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Get()
  list() {
    return this.throttle.overrides.list('api');
  }

  @Put(':key')
  async set(@Param('key') key: string, @Body() { rate }: { readonly rate?: unknown } = {}) {
    if (typeof rate !== 'string') throw new BadRequestException('rate: expected a string such as "20/min"');
    try {
      return await this.throttle.overrides.set('api', subjectOf.header('x-api-key', key), rate, {
        expiresInMs: 3_600_000,
      });
    } catch (error) {
      if (error instanceof ThrottleConfigError) throw new BadRequestException(error.message);
      throw error;
    }
  }

  @Delete(':key')
  async delete(@Param('key') key: string) {
    return { deleted: await this.throttle.overrides.delete('api', subjectOf.header('x-api-key', key)) };
  }
}
