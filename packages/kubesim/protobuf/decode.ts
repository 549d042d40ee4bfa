import { unsupportedMediaType } from '../api-error.ts';
import { type Field, type FieldType, KINDS, MESSAGES, type MessageName } from './messages.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('k8s\0', 'latin1');

interface Entry {
  number: number;
  value: number | Buffer;
}

/**
 * A Kubernetes protobuf body (magic, then an envelope with apiVersion, kind and the message) as JSON.
 * @throws ApiError 415 for kinds and fields this server does not read: refused, never dropped
 */
export function decodeProtobuf(body: Buffer): Record<string, unknown> {
  if (!body.subarray(0, 4).equals(MAGIC)) throw refused('the body does not begin like Kubernetes protobuf');
  const envelope = [...entries(body.subarray(4))];
  const part = (number: number): Buffer => bytesOf(envelope.find((entry) => entry.number === number)?.value);
  const type = [...entries(part(1))];
  const text = (number: number): string => bytesOf(type.find((entry) => entry.number === number)?.value).toString();
  const kind = KINDS.find((known) => known === text(2));
  if (!kind) throw refused(`protobuf bodies of kind ${text(2)}`);
  return { apiVersion: text(1), kind, ...decodeMessage(part(2), kind) };
}

const refused = (what: string) => unsupportedMediaType(`kubesim does not read ${what}; send JSON`, true);
const bytesOf = (value: number | Buffer | undefined): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));

function decodeMessage(body: Buffer, message: MessageName): Record<string, unknown> {
  const fields = MESSAGES[message] as Record<number, Field | undefined>;
  const out: Record<string, unknown> = {};
  for (const { number, value } of entries(body)) {
    const field = fields[number];
    if (!field) throw refused(`protobuf field ${number} of ${message}`);
    const [name, type] = field;
    const decoded = decodeValue(value, type, out[name]);
    if (decoded !== undefined) out[name] = decoded;
  }
  return out;
}

function decodeValue(value: number | Buffer, type: FieldType, before: unknown): unknown {
  if (typeof value === 'number') return scalar(value, type);
  if (type === 'string') return value.length ? value.toString() : undefined;
  if (type === 'bytes') return value.toString('base64');
  if (type === 'time') return time(value);
  if (type === 'intOrString') return intOrString(value);
  if (typeof type !== 'object') throw refused(`protobuf of type ${type}`);
  if ('list' in type) {
    const element = type.list === 'string' ? value.toString() : decodeMessage(value, type.list);
    return [...(Array.isArray(before) ? before : []), element];
  }
  if ('map' in type) return { ...(before as object | undefined), ...mapEntry(value, type.map) };
  const decoded = decodeMessage(value, type.message);
  return Object.keys(decoded).length ? decoded : undefined;
}

function scalar(value: number, type: FieldType): unknown {
  if (type === 'bool' || type === 'bool?') return value !== 0 || type === 'bool?' ? value !== 0 : undefined;
  return value !== 0 || type === 'int?' ? value : undefined;
}

function time(body: Buffer): string | undefined {
  const seconds = [...entries(body)].find(({ number }) => number === 1)?.value;
  return typeof seconds === 'number' && seconds > 0
    ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
    : undefined;
}

function intOrString(body: Buffer): unknown {
  const found = new Map([...entries(body)].map(({ number, value }) => [number, value]));
  return found.get(1) === 1 ? bytesOf(found.get(3)).toString() : found.get(2);
}

function mapEntry(body: Buffer, type: 'string' | 'bytes' | 'quantity'): Record<string, string> {
  const found = new Map([...entries(body)].map(({ number, value }) => [number, bytesOf(value)]));
  const raw = found.get(2) ?? Buffer.alloc(0);
  const content = type === 'quantity' ? bytesOf([...entries(raw)][0]?.value) : raw;
  return { [(found.get(1) ?? '').toString()]: content.toString(type === 'bytes' ? 'base64' : 'utf8') };
}

/** The fields of a message in wire order: varints as numbers, the rest as bytes. */
function* entries(body: Buffer): Generator<Entry> {
  let at = 0;
  const varint = (): number => {
    let result = 0n;
    for (let shift = 0n; at < body.length; shift += 7n) {
      const byte = body[at++] as number;
      result |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return Number(BigInt.asIntN(64, result));
  };
  while (at < body.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) yield { number: tag >> 3, value: varint() };
    else if (wire === 2) {
      const length = varint();
      yield { number: tag >> 3, value: body.subarray(at, at + length) };
      at += length;
    } else throw refused(`protobuf wire type ${wire}`);
  }
}
