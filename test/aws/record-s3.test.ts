import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordStore } from '../../stacks/endpoint/record.ts';
import { recordOnS3 } from '../../stacks/endpoint/record-s3.ts';
import { REGION } from '../emulators/aws-emulator.ts';
import { startMiniStack, whyNoMiniStack } from '../emulators/ministack.ts';
import type { Emulator } from '../emulators/server.ts';
import { type Clients, clientsOf } from './clients.ts';
import { targetFrom } from './target.ts';

/** The record of a deployment on S3, with two runs that know nothing of each other. */

const given = targetFrom(process.env);
const missing = given ? undefined : await whyNoMiniStack();
if (missing) console.warn(`SKIPPED: records on S3: ${missing}`);

const REMOVED = /^another run removed deployment\.json from the bucket .* run the command again$/;
const WROTE =
  /^another run wrote deployment\.json in the bucket .* meanwhile: wait for it, then run the command again$/;

describe.skipIf(missing !== undefined)('the record on S3, of two runs at once', () => {
  let emulator: Emulator | undefined;
  let clients: Clients;
  let endpoint: string;
  let bucket: string;
  let one: RecordStore;
  let other: RecordStore;

  beforeAll(async () => {
    if (!given) emulator = await startMiniStack();
    endpoint = given?.endpoint ?? emulator?.endpoint ?? '';
    clients = clientsOf(endpoint);
  }, 120_000);
  afterAll(async () => {
    clients?.close();
    await emulator?.stop();
  });
  beforeEach(() => {
    bucket = `tmc${randomBytes(6).toString('hex')}`;
    [one, other] = [storeOf(), storeOf()];
  });

  const storeOf = (): RecordStore =>
    recordOnS3(clients.buckets, { app: 'tmc', stage: 'dev', account: '0', region: REGION, endpoint, bucket });
  const hasBucket = async (): Promise<boolean> => {
    const head = clients.buckets.send(new HeadBucketCommand({ Bucket: bucket }));
    return head.then(
      () => true,
      () => false,
    );
  };

  it('ends who writes after the other one took it over', async () => {
    await one.save('1');
    await other.load();
    await other.save('2');
    await expect(one.save('3')).rejects.toThrow(WROTE);
    expect(await storeOf().load()).toBe('2');
    await other.discard();
    expect(await hasBucket()).toBe(false);
  });

  it('says that it was removed to who writes after that, with and without the bucket', async () => {
    await one.save('1');
    await other.load();
    await other.discard();
    await expect(one.save('2')).rejects.toThrow(REMOVED);
    const third = storeOf();
    await third.save('3');
    await other.load();
    const put = new PutObjectCommand({ Bucket: bucket, Key: 'code.zip', Body: 'code' });
    await clients.buckets.send(put);
    await expect(other.discard()).rejects.toThrow(`the bucket ${bucket} stays`);
    await expect(third.save('4')).rejects.toThrow(REMOVED);
  });

  it('is not discarded when another run has written since, nor when another one began anew', async () => {
    await one.save('1');
    await other.load();
    await one.save('2');
    await expect(other.discard()).rejects.toThrow(WROTE);
    expect(await storeOf().load()).toBe('2');
    await one.discard();
    const late = storeOf();
    expect(await late.load()).toBeUndefined();
    await other.load();
    await other.save('3');
    await expect(late.discard()).rejects.toThrow(WROTE);
    expect(await storeOf().load()).toBe('3');
    await other.discard();
  });

  it('takes away the bucket alone, where a run was cut before its first write', async () => {
    await clients.buckets.send(new CreateBucketCommand({ Bucket: bucket }));
    expect(await one.load()).toBeUndefined();
    await one.discard();
    expect(await hasBucket()).toBe(false);
    await one.discard();
  });
});
