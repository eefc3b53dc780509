import { Module } from '@nestjs/common';
import { by, ThrottleModule } from 'nestjs-sluice';
import { ApiController } from './api.controller.js';
import { ArchivesController } from './archives.controller.js';
import { backendOf } from './backend.js';
import { ChatGateway } from './chat.gateway.js';
import { CompletionsController } from './completions.controller.js';
import { ExportsController } from './exports.controller.js';
import { LoginController } from './login.controller.js';
import { OverridesController } from './overrides.controller.js';
import { PageController } from './page.controller.js';
import { plans } from './plans.js';
import { PoliciesController } from './policies.controller.js';
import { ReportsController } from './reports.controller.js';
import { SearchController } from './search.controller.js';
import { transportProvider } from './transport.js';
import { UploadsController } from './uploads.controller.js';

@Module({
  imports: [
    ThrottleModule.forRootAsync({
      useFactory: async () => ({
        backend: await backendOf(process.env.REDIS_URL),
        policies: {
          search: { rate: '3/10s', strategy: 'token-bucket' },
          upload: { rate: '1000/min', strategy: 'token-bucket', burst: 2000 },
          account: {
            rate: '10/hour',
            chargeWhen: 'failure',
            block: { for: '2h', escalate: [1, 4, 12], forgetAfter: '3d' },
          },
          rows: {
            rate: '1000/hour',
            strategy: 'fixed-window',
            cost: 100,
            chargeWhen: ({ value }) => (Array.isArray(value) ? value.length : 0),
          },
          archive: { concurrency: { limit: 2, queue: { max: 2, waitMs: 5000 } } },
          tokens: { budget: '200/min', unit: 'tokens' },
          trends: { rate: '2/min', mode: 'monitor' },
          api: { rate: '3/min', by: by.header('x-api-key'), overrides: true },
        },
        plans,
        runtimePolicies: true,
        default: '1000/min',
        sockets: { connections: '30/min', frames: '200/s' },
      }),
    }),
  ],
  controllers: [
    ReportsController,
    UploadsController,
    SearchController,
    LoginController,
    ApiController,
    PoliciesController,
    OverridesController,
    ExportsController,
    ArchivesController,
    CompletionsController,
    PageController,
  ],
  providers: [ChatGateway, transportProvider],
})
export class AppModule {}
