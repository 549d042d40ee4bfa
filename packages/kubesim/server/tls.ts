import { generate } from 'selfsigned';

export interface ServerCertificate {
  key: string;
  cert: string;
  /** The certificate to trust. */
  caPem: string;
}

/** A fresh certificate authority and a server certificate signed by it for 127.0.0.1 and localhost. */
export async function createCertificates(): Promise<ServerCertificate> {
  const ca = await generate([{ name: 'commonName', value: 'kubesim-ca' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'kubesim' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key: server.private, cert: server.cert, caPem: ca.cert };
}
