import { expect, it } from 'vitest';
import { encodeOpenApiV2 } from './v2-protobuf.ts';

it('writes a document as the schema of gnostic numbers its fields', () => {
  const document = {
    info: { title: 't', version: 'v' },
    paths: { '/p': { get: { parameters: [{ name: 'q' }] } } },
    definitions: {
      D: { type: 'object', required: ['a'], properties: { a: { $ref: '#/x' } }, 'x-k': [1] },
    },
  };
  const text = (bytes: Buffer) => bytes.toString('latin1');
  const encoded = text(encodeOpenApiV2(document));
  expect(encoded.startsWith('\x0a\x032.0\x12\x06\x0a\x01t\x12\x01v')).toBe(true);
  expect(encoded).toContain('"\x01q2\x06string');
  // definition: required 19, type 22 { 1 }, properties 25 { 1 { name, value { $ref 1 } } }, extension 31 { name, yaml }
  expect(encoded).toContain('\x9a\x01\x01a\xb2\x01\x08\x0a\x06object\xca\x01\x0c\x0a\x0a\x0a\x01a\x12\x05\x0a\x03#/x');
  expect(encoded).toContain('\xfa\x01\x0c\x0a\x03x-k\x12\x05\x12\x03[1]');
});
