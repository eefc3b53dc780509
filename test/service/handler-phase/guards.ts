import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Scope,
  type Type,
  UnauthorizedException,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { from } from 'rxjs';

export interface UserRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: { readonly id: string; readonly role?: string; readonly units?: number };
}

/** A request of a user; without a name, an anonymous one. */
export const as = (user?: string, headers: Readonly<Record<string, string>> = {}) => ({
  headers: { ...headers, ...(user !== undefined && { 'x-user': user }) },
});

function authenticate(context: ExecutionContext): boolean {
  const request = context.switchToHttp().getRequest<UserRequest>();
  const id = request.headers['x-user'];
  if (id !== undefined) request.user = { id, role: request.headers['x-role'] ?? 'member', units: 1 };
  return id !== undefined;
}

/** Finds the user, if the request names one. */
@Injectable()
export class OptionalGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    authenticate(context);
    return true;
  }
}

/** Refuses anonymous requests with 401. */
@Injectable()
export class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (!authenticate(context)) throw new UnauthorizedException();
    return true;
  }
}

/** As `AuthGuard('jwt')` of @nestjs/passport: a class that a function makes, which sets the user behind a callback. */
export function PassportLikeGuard(strategy: string): Type<CanActivate> {
  @Injectable()
  class MixinGuard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const isKnown = await new Promise<boolean>((resolve) => setImmediate(() => resolve(authenticate(context))));
      if (!isKnown) throw new UnauthorizedException(strategy);
      return true;
    }
  }
  return MixinGuard;
}

@Injectable()
export class ObservableGuard implements CanActivate {
  canActivate(context: ExecutionContext): Observable<boolean> {
    return from(Promise.resolve(context).then(authenticate));
  }
}

@Injectable({ scope: Scope.REQUEST })
export class ScopedGuard extends AuthGuard {}
