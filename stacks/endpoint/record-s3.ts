import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { orAbsent } from './failure.ts';
import type { Where } from './kind.ts';
import type { RecordStore } from './record.ts';

const KEY = 'deployment.json';

/** Keeps the record as an object in the deployment's own bucket, which is made for the first write. */
export function recordOnS3(s3: S3Client, { bucket: Bucket, region }: Where): RecordStore {
  /** Of the object as this process knows it; undefined: there is none. */
  let tag: string | undefined;
  return {
    async load() {
      const answer = await orAbsent(s3.send(new GetObjectCommand({ Bucket, Key: KEY })));
      tag = answer?.ETag;
      return answer?.Body?.transformToString();
    },
    async save(Body) {
      if (tag === undefined) await makeBucket(s3, Bucket, region);
      const condition = tag === undefined ? { IfNoneMatch: '*' } : { IfMatch: tag };
      try {
        const put = new PutObjectCommand({ Bucket, Key: KEY, Body, ContentType: 'application/json', ...condition });
        tag = (await s3.send(put)).ETag;
      } catch (cause) {
        if ((cause as Error).name !== 'PreconditionFailed') throw cause;
        const text = `another deployment wrote ${KEY} in the bucket ${Bucket} at the same time: wait for it, then start this one again`;
        throw new Error(text, { cause });
      }
    },
    async discard() {
      await orAbsent(s3.send(new DeleteObjectCommand({ Bucket, Key: KEY })));
      await orAbsent(s3.send(new DeleteBucketCommand({ Bucket })));
    },
  };
}

async function makeBucket(s3: S3Client, Bucket: string, region: string): Promise<void> {
  if (await orAbsent(s3.send(new HeadBucketCommand({ Bucket })))) return;
  // The first region of S3 must not be named.
  const elsewhere =
    region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } };
  await s3.send(new CreateBucketCommand({ Bucket, ...elsewhere }));
}
