import { Module } from '@nestjs/common';
import { ThrottleModule } from 'nestjs-sluice';
import { AppController } from './app.controller.js';

@Module({
  imports: [ThrottleModule.forRoot({ default: '1000/min', policies: { search: '2/min' } })],
  controllers: [AppController],
})
export class AppModule {}
