import { X509Certificate } from 'node:crypto';
import type { KubeConnection } from './connection.ts';

/** What a 401 tells of the credentials that were refused: their nature and place, never their content. */
export type IdentityNote = { readonly text: string; readonly hint: string };

/** Describes the identity material of a connection at a moment of this machine's clock. */
export function describeIdentity({ cert, authorization, credentials }: KubeConnection, nowMs: number): IdentityNote {
  const notes = [
    ...(cert === undefined ? [] : [certificateNote(cert, nowMs)]),
    ...(authorization === undefined ? [] : [authorizationNote(credentials)]),
  ];
  if (notes.length === 0) {
    return {
      text: 'no credentials',
      hint: 'name a user with a token or client certificate in the context of the kubeconfig',
    };
  }
  return { text: notes.map(({ text }) => text).join(' and '), hint: notes.map(({ hint }) => hint).join('; ') };
}

function authorizationNote(credentials: KubeConnection['credentials']): IdentityNote {
  switch (credentials?.kind) {
    case 'token-file':
      return {
        text: `the token in file ${credentials.path}`,
        hint: `write a token this API server accepts to ${credentials.path}; it is read again within a second`,
      };
    case 'plugin':
      return {
        text: `a token of the credential plugin ${credentials.name}`,
        hint: `run ${credentials.name} as this user and see whether it gives a token this API server accepts`,
      };
    case 'secret':
    case 'parameter':
      return {
        text: `the token in ${credentials.kind} ${credentials.name}`,
        hint: `put a token this API server accepts into ${credentials.kind} ${credentials.name}; it is read again at once`,
      };
    case 'eks':
      return {
        text: `a token of this function's role for EKS cluster ${credentials.cluster}`,
        hint: `give the function's role an access entry in EKS cluster ${credentials.cluster}`,
      };
    case 'password':
      return {
        text: 'a user name and password',
        hint: 'use a token or client certificate: API servers take no passwords',
      };
    default:
      return {
        text: 'the bearer token of the configuration',
        hint: 'put a token this API server accepts into the configuration, or a token file that is renewed; `kubectl create token` makes one',
      };
  }
}

function certificateNote(pem: string, nowMs: number): IdentityNote {
  const renew = 'give a client certificate that is signed by an authority this API server trusts for clients';
  const now = new Date(nowMs).toISOString();
  try {
    const { subject, validFromDate, validToDate } = new X509Certificate(pem);
    const valid = `valid from ${validFromDate.toISOString()} to ${validToDate.toISOString()}`;
    const name = subject.replaceAll('\n', ', ');
    const isInTime = nowMs >= validFromDate.getTime() && nowMs <= validToDate.getTime();
    return {
      text: `the client certificate of ${name}`,
      hint: isInTime ? renew : `renew the client certificate (${valid}) or correct this machine's clock (${now})`,
    };
  } catch {
    return { text: 'a client certificate that cannot be read', hint: renew };
  }
}
