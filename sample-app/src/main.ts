import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { TRANSPORT, useTransport } from './transport.js';

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error', 'fatal'] });
useTransport(app);
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');

const { port } = app.getHttpServer().address();
const url = `http://localhost:${port}`;
console.log(`The sample application limits requests at ${url}. Try, in another terminal:

  curl -i ${url}/reports          # the class: 20 a minute, shared by its handlers
  curl -i ${url}/reports/latest   # the method, tighter: 2 a second and 5 a minute
  curl -i ${url}/reports/pdf      # weighted: 5 units of 20 a minute
  curl -i ${url}/reports/up       # not limited
  curl -i ${url}/search?q=lock    # the policy "search": 3 in 10 seconds, shared with /suggest
  curl -i ${url}/uploads -d text=hello   # charged by size, 1 unit a byte: 2000 at once, then 1000 a minute
  curl -i ${url}/login -d name=ada -d password=open   # failures: by address 5 a minute, by account 10 an hour
  curl -i ${url}/exports -H 'x-user: ada'        # by calendar: 3 a month, which begins at the user's midnight
  curl -i ${url}/exports/rows?count=300          # charged by what it returns: 1000 rows an hour
  curl -i ${url}/archives                        # runs for two seconds: 2 at a time, and 2 wait
  curl -i ${url}/completions?words=40            # a token budget: 200 a minute, paid for as they are streamed
  curl -i ${url}/api -H 'x-api-key: ada'   # by plan: 3 a minute, 8 for the key ada, no limit for grace
  curl -i ${url}/trends           # monitored: it tells that 2 a minute are used up, and denies nothing

or all of it: sample-app/try.sh

Or open ${url}/ in a browser and watch the messages of a chat being limited,
over ${app.get(TRANSPORT)} (TRANSPORT=ws: plain WebSockets, TRANSPORT=io: socket.io).`);
