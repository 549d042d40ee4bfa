import type { TokenIdentity } from './server/identity.ts';

/** The users the golden checker knows, with tokens anyone may know: the server listens on 127.0.0.1 and holds nothing of value. */
export const GOLDEN_USERS: Record<'kube' | 'kcp', TokenIdentity[]> = {
  kube: [
    { token: 'golden-admin', user: 'admin', groups: ['system:masters'] },
    { token: 'golden-reader', user: 'reader', groups: ['readers'] },
    { token: 'golden-nobody', user: 'nobody' },
  ],
  kcp: [
    { token: 'golden-admin', user: 'kcp-admin', groups: ['system:kcp:admin'] },
    { token: 'golden-master', user: 'master', groups: ['system:masters'] },
    { token: 'golden-tenant', user: 'tenant' },
    { token: 'golden-relay', user: 'relay' },
    { token: 'golden-stranger', user: 'stranger' },
  ],
};

/** What the golden checker needs to know of a server, as its target file says it. */
export function targetOf({ kind, url }: { kind: 'kube' | 'kcp'; url: string }, caFile: string): object {
  const known = GOLDEN_USERS[kind].map(({ token }) => [token.replace('golden-', ''), { token }]);
  const users = { ...Object.fromEntries(known), anonymous: {}, badtoken: { token: 'nobody-issued-this' } };
  const expire = { method: 'POST', path: '/__kubesim/expire' };
  return { kind, server: url, caFile, users, vars: {}, expire };
}
