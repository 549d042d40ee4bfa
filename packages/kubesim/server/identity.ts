import { failure } from '../api-error.ts';

export interface User {
  name: string;
  groups: string[];
}

export interface TokenIdentity {
  token: string;
  user: string;
  groups?: string[];
}

const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Bearer tokens and whom they stand for. */
export class Tokens {
  private readonly users = new Map<string, User>();

  constructor(identities: TokenIdentity[]) {
    for (const identity of identities) this.add(identity);
  }

  add({ token, user, groups = [] }: TokenIdentity): void {
    this.users.set(token, { name: user, groups: [...groups, 'system:authenticated'] });
  }

  /** Whom an `Authorization` header stands for; undefined for a token nobody issued. */
  find(token: string): User | undefined {
    return this.users.get(token);
  }

  /** @throws ApiError 401 when a token was sent that nobody issued */
  identify(header: string | undefined): User {
    const token = /^Bearer\s+(.+)$/i.exec(header ?? '')?.[1];
    if (token === undefined) return ANONYMOUS;
    const user = this.users.get(token);
    if (!user) throw failure(401, 'Unauthorized', { reason: 'Unauthorized' });
    return user;
  }
}
