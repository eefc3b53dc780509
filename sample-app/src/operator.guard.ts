import type { CanActivate, ExecutionContext } from '@nestjs/common';

/** Admits operators. Stands for a real guard. */
export class OperatorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest().headers['x-operator'] === 'sesame';
  }
}
