import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ThrottleService } from 'nestjs-sluice';

const TEXT = 'Whoever opens a sluice decides how much water goes through it, and when.';
const MAX_WORDS = 500;

/** The response of Express. */
interface Writable {
  readonly headersSent: boolean;
  write(text: string): unknown;
  end(): unknown;
  destroy(): unknown;
}

@Controller('completions')
export class CompletionsController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  /**
   * Streams a completion on a budget of 200 tokens a minute. The tokens of each chunk are reserved before it is passed
   * on.
   */
  @Get()
  async complete(@Query('words') words: string, @Res() response: Writable): Promise<void> {
    const hold = await this.throttle.budget('tokens').reserve(10);
    try {
      for await (const text of hold.meter(completion(words), { unitsOf: tokensOf, chunk: 20 })) response.write(text);
      response.end();
    } catch (error) {
      // After the first chunk, a closed connection shows that the text is incomplete.
      if (!response.headersSent) throw error;
      response.destroy();
    }
  }
}

/** Stands for a language model: repeats the words of a text. */
async function* completion(words: string | undefined): AsyncGenerator<string> {
  const all = TEXT.split(' ');
  const count = Math.min(Number(words) || all.length, MAX_WORDS);
  for (let i = 0; i < count; i++) {
    yield `${all[i % all.length]} `;
    if (i % 10 === 9) await pause(1);
  }
}

/** Returns a token per four characters, rounded up. */
function tokensOf(text: string): number {
  return Math.ceil(text.length / 4);
}
