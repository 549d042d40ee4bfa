import { ReadError } from './watch-state.ts';

/** All that is remembered of an object. */
export type Known = {
  readonly rv: bigint;
  readonly uid: string;
  /** Interest hash: 16 characters of base64url. */
  readonly hash: string;
  readonly held: boolean;
  /** Of a copy: the annotation that names its upstream object. */
  readonly upstream: string | undefined;
};

/** Where a record lies. */
export type Place = { readonly chunk: Buffer; readonly at: number };

/** Records begin at multiples of this many bytes. */
export const WORD = 8;
/**
 * One record, little-endian: key hash 4, words 2, flags 1, list mark 1, comparison mark 1, uid length 1, key length 2, upstream
 * length 2, unused 2, revision 8, interest hash 12, then uid, key and upstream.
 */
const AT = {
  keyHash: 0,
  words: 4,
  flags: 6,
  listed: 7,
  compared: 8,
  uid: 9,
  key: 10,
  upstream: 12,
  rv: 16,
  hash: 24,
  text: 36,
};
const HASH_BYTES = 12;
const HELD = 1;
const PACKED_UID = 2;
const DEAD = 4;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAX_UID_BYTES = 255;
/** An upstream annotation of ours is a key, far shorter; one that somebody else filled is not remembered. */
const MAX_UPSTREAM_BYTES = 4_096;

/** The marks a record carries: of the list that saw it last, and of the comparison. */
export type MarkKind = 'listed' | 'compared';

const uidBytes = (uid: string): number => (UUID.test(uid) ? 16 : Buffer.byteLength(uid));
const upstreamBytes = (upstream: string | undefined): number => {
  const bytes = upstream === undefined ? 0 : Buffer.byteLength(upstream);
  return bytes > MAX_UPSTREAM_BYTES ? 0 : bytes;
};

/** Words a record takes. @throws ReadError for a uid no server draws. */
export function wordsOf(keyBytes: number, known: Known): number {
  const uid = uidBytes(known.uid);
  if (uid > MAX_UID_BYTES) throw new ReadError('malformed', `a uid of ${uid} bytes`);
  return Math.ceil((AT.text + uid + keyBytes + upstreamBytes(known.upstream)) / WORD);
}

export function writeRecord({ chunk, at }: Place, key: { bytes: Buffer; hash: number }, known: Known): void {
  const uid = uidBytes(known.uid);
  const upstream = upstreamBytes(known.upstream);
  chunk.writeUInt32LE(key.hash, at + AT.keyHash);
  chunk.writeUInt16LE(wordsOf(key.bytes.length, known), at + AT.words);
  chunk[at + AT.uid] = uid;
  chunk.writeUInt16LE(key.bytes.length, at + AT.key);
  chunk.writeUInt16LE(upstream, at + AT.upstream);
  key.bytes.copy(chunk, at + AT.text + uid);
  if (upstream > 0) chunk.write(known.upstream ?? '', at + AT.text + uid + key.bytes.length, 'utf8');
  writeState({ chunk, at }, known);
}

/** Changes the fixed part and the uid; the lengths of texts must be those that are there. */
function writeState({ chunk, at }: Place, { rv, uid, hash, held }: Known): void {
  const packed = UUID.test(uid);
  chunk[at + AT.flags] = (held ? HELD : 0) | (packed ? PACKED_UID : 0);
  chunk.writeBigUInt64LE(rv, at + AT.rv);
  chunk.write(hash, at + AT.hash, HASH_BYTES, 'base64url');
  if (packed) chunk.write(uid.replaceAll('-', ''), at + AT.text, 16, 'hex');
  else chunk.write(uid, at + AT.text, 'utf8');
}

/** Writes the state over the one that is there; false when it does not fit its place. */
export function rewriteRecord(place: Place, known: Known): boolean {
  const { chunk, at } = place;
  const before = readRecord(place);
  if (before.upstream !== known.upstream || uidBytes(known.uid) !== chunk[at + AT.uid]) return false;
  writeState(place, known);
  return true;
}

export function readRecord({ chunk, at }: Place): Known {
  const upstreamAt = at + AT.text + uidLength(chunk, at) + chunk.readUInt16LE(at + AT.key);
  const upstream = chunk.readUInt16LE(at + AT.upstream);
  return {
    rv: chunk.readBigUInt64LE(at + AT.rv),
    uid: readUid(chunk, at),
    hash: chunk.toString('base64url', at + AT.hash, at + AT.hash + HASH_BYTES),
    held: (flagsOf(chunk, at) & HELD) !== 0,
    upstream: upstream === 0 ? undefined : chunk.toString('utf8', upstreamAt, upstreamAt + upstream),
  };
}

export function readKey({ chunk, at }: Place): string {
  const from = at + AT.text + uidLength(chunk, at);
  return chunk.toString('utf8', from, from + chunk.readUInt16LE(at + AT.key));
}

export function hasKey({ chunk, at }: Place, key: { bytes: Buffer; hash: number }): boolean {
  if (chunk.readUInt32LE(at + AT.keyHash) !== key.hash || chunk.readUInt16LE(at + AT.key) !== key.bytes.length)
    return false;
  const from = at + AT.text + uidLength(chunk, at);
  return key.bytes.compare(chunk, from, from + key.bytes.length) === 0;
}

export const keyHashOf = ({ chunk, at }: Place): number => chunk.readUInt32LE(at + AT.keyHash);
export const sizeOf = ({ chunk, at }: Place): number => chunk.readUInt16LE(at + AT.words);
export const markOf = ({ chunk, at }: Place, kind: MarkKind): number => chunk[at + AT[kind]] ?? 0;
export const isDead = ({ chunk, at }: Place): boolean => (flagsOf(chunk, at) & DEAD) !== 0;

export function writeMark({ chunk, at }: Place, kind: MarkKind, round: number): void {
  chunk[at + AT[kind]] = round;
}

export function kill({ chunk, at }: Place): void {
  chunk[at + AT.flags] = flagsOf(chunk, at) | DEAD;
}

const flagsOf = (chunk: Buffer, at: number): number => chunk[at + AT.flags] ?? 0;
const uidLength = (chunk: Buffer, at: number): number => chunk[at + AT.uid] ?? 0;

function readUid(chunk: Buffer, at: number): string {
  const from = at + AT.text;
  if ((flagsOf(chunk, at) & PACKED_UID) === 0) return chunk.toString('utf8', from, from + uidLength(chunk, at));
  const hex = chunk.toString('hex', from, from + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
