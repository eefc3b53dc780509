import { Controller, Get, Headers, Inject, ParseIntPipe, Query, UnauthorizedException } from '@nestjs/common';
import { definePolicy, type Policy, subjectOf, Throttle, ThrottleService } from 'nestjs-sluice';

/** Stands for a table of users. */
const TIME_ZONES: ReadonlyMap<string, string> = new Map([
  ['ada', 'Europe/Berlin'],
  ['bob', 'America/New_York'],
]);

/** A calendar quota: three exports a month, plus up to two that were not used in earlier months. */
@Controller('exports')
export class ExportsController {
  /** One policy per time zone, because a month begins at the user's midnight. */
  readonly #quotas = new Map<string, Policy>();

  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Get()
  async create(@Headers('x-user') user = '') {
    const timeZone = TIME_ZONES.get(user);
    if (timeZone === undefined) throw new UnauthorizedException('Send the header X-User: ada, or bob');
    const { binding } = await this.throttle.hit(this.#quotaIn(timeZone), 1, { subject: subjectOf.user(user) });
    return { remaining: binding?.remaining, until: new Date(binding?.window?.endMs ?? 0) };
  }

  /** Takes 100 rows of the policy. When it has ended, it is charged the rows that it returned. */
  @Throttle('rows')
  @Get('rows')
  rows(@Query('count', ParseIntPipe) count: number): readonly string[] {
    return Array.from({ length: Math.max(0, Math.min(count, 500)) }, (_, i) => `row ${i}`);
  }

  #quotaIn(timeZone: string): Policy {
    let quota = this.#quotas.get(timeZone);
    if (quota === undefined) {
      quota = definePolicy('exports', { rate: '3/month', rollover: 2, thresholds: [0.8], timeZone });
      this.#quotas.set(timeZone, quota);
    }
    return quota;
  }
}
