import type { CanActivate, ExecutionContext } from '@nestjs/common';

/** Lets operators in. It stands for a real one. */
export class OperatorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest().headers['x-operator'] === 'sesame';
  }
}
