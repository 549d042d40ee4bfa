import { generateKeyPairSync } from 'node:crypto';
import { generate } from 'selfsigned';

type KeyAndCertificate = { readonly key: string; readonly cert: string };

/** What a fleet of real servers needs: one authority, one server certificate for 127.0.0.1, one administrator, one signing key. */
export type FleetCertificates = {
  /** Trusts servers and clients. */
  readonly ca: string;
  readonly server: KeyAndCertificate;
  /** Member of `system:masters`. */
  readonly admin: KeyAndCertificate;
  /** Signs ServiceAccount tokens. */
  readonly serviceAccountKey: string;
};

/** Fresh keys and certificates for one fleet. */
export async function createFleetCertificates(): Promise<FleetCertificates> {
  const authority = await generate([{ name: 'commonName', value: 'tmc-test-ca' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  const ca = { key: authority.private, cert: authority.cert };
  const server = await generate([{ name: 'commonName', value: 'kube' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    extensions: [
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  const admin = await generate(
    [
      { name: 'organizationName', value: 'system:masters' },
      { name: 'commonName', value: 'tmc-test-admin' },
    ],
    { keyType: 'ec', algorithm: 'sha256', ca, extensions: [{ name: 'extKeyUsage', clientAuth: true }] },
  );
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    ca: authority.cert,
    server: { key: server.private, cert: server.cert },
    admin: { key: admin.private, cert: admin.cert },
    serviceAccountKey: privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
  };
}
