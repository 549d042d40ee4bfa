import { describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { decodeProtobuf } from './decode.ts';

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
/** A length-delimited field. */
const field = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
};
const number = (at: number, value: number): Buffer => Buffer.from([...varint(at << 3), ...varint(value)]);
const envelope = (apiVersion: string, kind: string, message: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0', 'latin1'),
    field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])),
    field(2, message),
  ]);
const entry = (key: string, value: string): Buffer => Buffer.concat([field(1, key), field(2, value)]);

describe('decodeProtobuf', () => {
  it('reads metadata and maps, leaving out what is empty', () => {
    const metadata = Buffer.concat([field(1, 'a'), field(2, ''), field(8, ''), field(11, entry('x', 'y'))]);
    const body = Buffer.concat([field(1, metadata), field(2, entry('k', '1')), field(2, entry('l', '2'))]);
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', body))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', labels: { x: 'y' } },
      data: { k: '1', l: '2' },
    });
  });

  it('keeps the zero of a pointer and drops that of a plain number', () => {
    const body = field(2, Buffer.concat([number(1, 0), number(5, 0), number(6, 300)]));
    expect(decodeProtobuf(envelope('apps/v1', 'Deployment', body))['spec']).toEqual({
      replicas: 0,
      revisionHistoryLimit: 300,
    });
  });

  it('writes bytes as base64', () => {
    expect(decodeProtobuf(envelope('v1', 'Secret', field(2, entry('k', 'v'))))['data']).toEqual({ k: 'dg==' });
  });

  it.each([
    ['another kind', envelope('v1', 'Pod', Buffer.alloc(0))],
    ['an unknown field', envelope('v1', 'ConfigMap', field(9, 'x'))],
    ['no protobuf', Buffer.from('{}')],
  ])('refuses %s with 415 instead of dropping it', (_what, body) => {
    expect(() => decodeProtobuf(body)).toThrow(ApiError);
    expect(() => decodeProtobuf(body)).toThrow(/does not read/);
  });
});
