import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isAbsent, isUnsupported, orAbsent } from './failure.ts';
import type { Where } from './kind.ts';
import type { RecordStore } from './record.ts';

const KEY = 'deployment.json';

/** Keeps the record as an object in the deployment's own bucket, which is made for the first write. */
export function recordOnS3(s3: S3Client, { bucket: Bucket, region }: Where): RecordStore {
  /** Of the object as this process knows it; undefined: there is none. */
  let tag: string | undefined;
  const tagNow = async (): Promise<string | undefined> =>
    (await orAbsent(s3.send(new HeadObjectCommand({ Bucket, Key: KEY }))))?.ETag;
  return {
    async load() {
      const answer = await orAbsent(s3.send(new GetObjectCommand({ Bucket, Key: KEY })));
      tag = answer?.ETag;
      return answer?.Body?.transformToString();
    },
    async save(Body) {
      if (tag === undefined) await makeBucket(s3, Bucket, region);
      const condition = tag === undefined ? { IfNoneMatch: '*' } : { IfMatch: tag };
      const put = new PutObjectCommand({ Bucket, Key: KEY, Body, ContentType: 'application/json', ...condition });
      try {
        tag = (await s3.send(put)).ETag;
      } catch (cause) {
        if (!isAbsent(cause) && !isConflict(cause)) throw cause;
        throw new Error(conflictText(Bucket, await tagNow()), { cause });
      }
    },
    async discard() {
      // Not every endpoint knows of conditions here, so it is looked at as well.
      const now = await tagNow();
      if (now !== tag) throw new Error(conflictText(Bucket, now));
      if (now !== undefined) await removeRecord(s3, Bucket, now);
      tag = undefined;
      await removeBucket(s3, Bucket);
    },
  };
}

const isConflict = (error: unknown): boolean =>
  ['PreconditionFailed', 'ConditionalRequestConflict'].includes((error as Error).name);

/** What happened to the record, by what is there now. */
function conflictText(Bucket: string, tagNow: string | undefined): string {
  return tagNow === undefined
    ? `another run removed ${KEY} from the bucket ${Bucket} meanwhile, and with it what this deployment had made: run the command again`
    : `another run wrote ${KEY} in the bucket ${Bucket} meanwhile: wait for it, then run the command again`;
}

async function removeRecord(s3: S3Client, Bucket: string, IfMatch: string): Promise<void> {
  try {
    await orAbsent(s3.send(new DeleteObjectCommand({ Bucket, Key: KEY, IfMatch })));
  } catch (cause) {
    if (isConflict(cause)) throw new Error(conflictText(Bucket, 'other'), { cause });
    if (!isUnsupported(cause)) throw cause;
    await orAbsent(s3.send(new DeleteObjectCommand({ Bucket, Key: KEY })));
  }
}

async function removeBucket(s3: S3Client, Bucket: string): Promise<void> {
  try {
    await orAbsent(s3.send(new DeleteBucketCommand({ Bucket })));
  } catch (cause) {
    if ((cause as Error).name !== 'BucketNotEmpty') throw cause;
    throw new Error(
      `the bucket ${Bucket} stays: somebody put something there that no deployment has on record. Look into it and delete it, unless another deployment has begun`,
      { cause },
    );
  }
}

async function makeBucket(s3: S3Client, Bucket: string, region: string): Promise<void> {
  if (await orAbsent(s3.send(new HeadBucketCommand({ Bucket })))) return;
  // The first region of S3 must not be named.
  const elsewhere =
    region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } };
  await s3.send(new CreateBucketCommand({ Bucket, ...elsewhere }));
}
