import { BadRequestException, Body, Controller, Inject, Post } from '@nestjs/common';
import { ThrottleService } from 'nestjs-sluice';

/** Charges by size when the size is known. The policy is the module's, and `hit` responds with 429 above the limit. */
@Controller('uploads')
export class UploadsController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Post()
  async upload(@Body() { text = '' }: { readonly text?: unknown } = {}) {
    if (typeof text !== 'string') throw new BadRequestException('text: expected a string');
    const bytes = Buffer.byteLength(text);
    const { binding } = await this.throttle.hit('upload', bytes);
    return { stored: bytes, left: binding?.remaining };
  }
}
