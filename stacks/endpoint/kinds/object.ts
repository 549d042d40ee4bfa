import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Kind, kind, part, type Where } from '../kind.ts';

const inputs = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  /** A path, or an asset or archive of Pulumi, which has one. */
  source: z.union([z.string(), z.custom<{ readonly path: string | Promise<string> }>(hasPath)]),
  contentType: z.string().default('application/octet-stream'),
});
type Inputs = z.infer<typeof inputs>;

/**
 * Code of functions. Whatever bucket the program names, it goes to the deployment's own: no other deployment can then take it away,
 * and nothing is left behind. The program reads the name of the bucket from what was made.
 */
export function objectKinds({ s3 }: Pick<Clients, 's3'>, where: Where): Kind[] {
  return [
    kind<Inputs>({
      type: 'aws:s3/bucketObjectv2:BucketObjectv2',
      noun: 'object',
      inputs,
      identify: ({ key }) => ({ object: key }),
      fields: async ({ source }) => ({ content: hashOf(await contentOf(source)) }),
      async read(identity) {
        const answer = await orAbsent(
          s3.send(new HeadObjectCommand({ Bucket: where.bucket, Key: part(identity, 'object') })),
        );
        return answer && { fields: { content: answer.ETag ?? '' } };
      },
      create: (identity, said) => put(s3, where, identity, said),
      update: (identity, said) => put(s3, where, identity, said),
      async remove(identity) {
        await orAbsent(s3.send(new DeleteObjectCommand({ Bucket: where.bucket, Key: part(identity, 'object') })));
      },
      outputs(identity, said) {
        const key = part(identity, 'object');
        return { ...said, bucket: where.bucket, key, id: key, arn: `arn:aws:s3:::${where.bucket}/${key}` };
      },
    }),
  ];
}

async function put(s3: S3Client, { bucket: Bucket }: Where, identity: Identity, said: Inputs): Promise<void> {
  const Body = await contentOf(said.source);
  await s3.send(new PutObjectCommand({ Bucket, Key: part(identity, 'object'), Body, ContentType: said.contentType }));
}

async function contentOf(source: Inputs['source']): Promise<Buffer> {
  return readFile(typeof source === 'string' ? source : await source.path);
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function hasPath(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'path' in value;
}
