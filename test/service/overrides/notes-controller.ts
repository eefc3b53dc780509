import { Controller, Get, UseGuards } from '@nestjs/common';
import { Throttle } from '../../../src/index.js';
import { AuthGuard } from '../handler-phase/guards.js';

/** A handler under the policy `api`, whose user is known after its guard. */
@UseGuards(AuthGuard)
@Controller()
export class NotesController {
  @Throttle('api')
  @Get('notes')
  list(): string {
    return 'notes';
  }
}
