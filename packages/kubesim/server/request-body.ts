import { decodeProtobuf, PROTOBUF } from '../protobuf/decode.ts';
import type { Incoming } from './answer.ts';
import { mediaTypeOf, parseBody } from './media.ts';

/** The request body as JSON, whether it came as JSON, YAML or protobuf; undefined when it is empty. @throws ApiError 400 or 415 */
export async function readJsonBody(incoming: Incoming): Promise<unknown> {
  const mediaType = mediaTypeOf(incoming.contentType) || 'application/json';
  if (mediaType === PROTOBUF && incoming.bytes) {
    const bytes = await incoming.bytes();
    return bytes.length ? decodeProtobuf(bytes) : undefined;
  }
  const text = await incoming.body();
  return text ? parseBody(text, mediaType) : undefined;
}
