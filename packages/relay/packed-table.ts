import {
  hasKey,
  isDead,
  type Known,
  keyHashOf,
  kill,
  type MarkKind,
  markOf,
  type Place,
  readKey,
  readRecord,
  rewriteRecord,
  sizeOf,
  WORD,
  wordsOf,
  writeMark,
  writeRecord,
} from './packed-record.ts';

/** Large enough to be mapped by itself, so that what is dropped goes back to the system. */
const CHUNK_BYTES = 256 * 1024;
const CHUNK_WORDS = CHUNK_BYTES / WORD;
/** Slot values: the rest is the place of a record, in words, plus two. */
const EMPTY = 0;
const REMOVED = 1;
const FIRST_SLOTS = 16;
const LAST_ROUND = 255;
/** Longest key, in bytes: five names and separators, in characters of up to three bytes. */
const MAX_KEY_BYTES = 8_192;

/**
 * A map from keys to what is known of objects, for a million of them: records in byte chunks outside the heap of the engine and a
 * hash table of 32-bit places, some 120 bytes for an entry where a map of strings takes three times as much.
 */
export class PackedTable {
  #chunks: Buffer[] = [];
  #end = 0;
  #slots = new Uint32Array(FIRST_SLOTS);
  #taken = 0;
  #size = 0;
  #deadWords = 0;
  readonly #rounds: Record<MarkKind, number> = { listed: 1, compared: 1 };
  readonly #scratch = Buffer.alloc(MAX_KEY_BYTES);

  get size(): number {
    return this.#size;
  }

  /** Memory it takes, but for a constant. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES + this.#slots.byteLength;
  }

  find(key: string): Known | undefined {
    const place = this.#findPlace(this.#encode(key));
    return place && readRecord(place);
  }

  has(key: string): boolean {
    return this.#findPlace(this.#encode(key)) !== undefined;
  }

  /** Sets what is known; the entry counts as seen in the present rounds. */
  put(key: string, known: Known): void {
    const encoded = this.#encode(key);
    const slot = this.#slotOf(encoded);
    const old = this.#slots[slot] ?? EMPTY;
    let place = old > REMOVED ? this.#placeAt(old - 2) : undefined;
    if (!place || !rewriteRecord(place, known)) {
      if (place) this.#bury(place);
      else this.#size += 1;
      const at = this.#append(wordsOf(encoded.bytes.length, known));
      place = this.#placeAt(at);
      writeRecord(place, encoded, known);
      if (old === EMPTY) this.#taken += 1;
      this.#slots[slot] = at + 2;
    }
    writeMark(place, 'listed', this.#rounds.listed);
    writeMark(place, 'compared', this.#rounds.compared);
    this.#tidy();
  }

  delete(key: string): void {
    const slot = this.#slotOf(this.#encode(key));
    const old = this.#slots[slot] ?? EMPTY;
    if (old <= REMOVED) return;
    this.#bury(this.#placeAt(old - 2));
    this.#slots[slot] = REMOVED;
    this.#size -= 1;
  }

  *keys(): Generator<string> {
    for (const place of this.#places()) yield readKey(place);
  }

  /** Begins a round: no entry counts as seen in it. */
  beginRound(kind: MarkKind): void {
    this.#rounds[kind] += 1;
    if (this.#rounds[kind] <= LAST_ROUND) return;
    this.#rounds[kind] = 1;
    for (const place of this.#places()) writeMark(place, kind, 0);
  }

  mark(kind: MarkKind, key: string): void {
    const place = this.#findPlace(this.#encode(key));
    if (place) writeMark(place, kind, this.#rounds[kind]);
  }

  /** Entries not seen in the present round. Entries may be deleted on the way, not put. */
  *unseen(kind: MarkKind): Generator<[key: string, known: Known]> {
    for (const place of this.#places()) {
      if (markOf(place, kind) !== this.#rounds[kind]) yield [readKey(place), readRecord(place)];
    }
  }

  *#places(): Generator<Place> {
    for (let at = 0; at < this.#end; ) {
      const place = this.#placeAt(at);
      const words = sizeOf(place);
      // A zero is the unused end of a chunk.
      if (words > 0 && !isDead(place)) yield place;
      at += words > 0 ? words : CHUNK_WORDS - (at % CHUNK_WORDS);
    }
  }

  #placeAt(word: number): Place {
    return { chunk: this.#chunks[Math.floor(word / CHUNK_WORDS)] as Buffer, at: (word % CHUNK_WORDS) * WORD };
  }

  #append(words: number): number {
    if ((this.#end % CHUNK_WORDS) + words > CHUNK_WORDS || this.#end === this.#chunks.length * CHUNK_WORDS) {
      this.#end = this.#chunks.length * CHUNK_WORDS;
      this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
    }
    const at = this.#end;
    this.#end += words;
    return at;
  }

  #bury(place: Place): void {
    this.#deadWords += sizeOf(place);
    kill(place);
  }

  #encode(key: string): { bytes: Buffer; hash: number } {
    const length = this.#scratch.write(key, 'utf8');
    const bytes = this.#scratch.subarray(0, length);
    let hash = 0x811c9dc5;
    for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    return { bytes, hash: (hash ^ (hash >>> 15)) >>> 0 };
  }

  #findPlace(key: { bytes: Buffer; hash: number }): Place | undefined {
    const value = this.#slots[this.#slotOf(key)] ?? EMPTY;
    return value > REMOVED ? this.#placeAt(value - 2) : undefined;
  }

  /** The slot that holds the key, else the one it would go to. */
  #slotOf(key: { bytes: Buffer; hash: number }): number {
    const mask = this.#slots.length - 1;
    let free: number | undefined;
    for (let slot = key.hash & mask; ; slot = (slot + 1) & mask) {
      const value = this.#slots[slot] ?? EMPTY;
      if (value === EMPTY) return free ?? slot;
      if (value === REMOVED) free ??= slot;
      else if (hasKey(this.#placeAt(value - 2), key)) return slot;
    }
  }

  /** Keeps the slots sparse enough to end every search, and buried records fewer than living ones. */
  #tidy(): void {
    if (this.#deadWords > CHUNK_WORDS && this.#deadWords * 2 > this.#end) this.#compact();
    else if (this.#taken * 4 > this.#slots.length * 3) this.#index();
  }

  #compact(): void {
    const old = this.#chunks;
    const end = this.#end;
    this.#chunks = [];
    this.#end = 0;
    this.#deadWords = 0;
    for (let index = 0; index < old.length; index += 1) {
      this.#moveFrom(old[index] as Buffer, Math.min(CHUNK_WORDS, end - index * CHUNK_WORDS));
      // Lets go of each chunk as soon as it is moved: never two copies of all.
      old[index] = Buffer.alloc(0);
    }
    this.#index();
  }

  #moveFrom(chunk: Buffer, words: number): void {
    for (let word = 0; word < words; ) {
      const from = { chunk, at: word * WORD };
      const size = sizeOf(from);
      if (size === 0) return;
      if (!isDead(from)) {
        const to = this.#placeAt(this.#append(size));
        chunk.copy(to.chunk, to.at, from.at, from.at + size * WORD);
      }
      word += size;
    }
  }

  /** Makes the hash table anew, for at most half as many entries as slots. */
  #index(): void {
    let length = FIRST_SLOTS;
    while (length < this.#size * 2) length *= 2;
    this.#slots = new Uint32Array(length);
    this.#taken = this.#size;
    for (let at = 0; at < this.#end; ) {
      const place = this.#placeAt(at);
      const words = sizeOf(place);
      if (words > 0 && !isDead(place)) this.#slots[this.#freeSlot(keyHashOf(place))] = at + 2;
      at += words > 0 ? words : CHUNK_WORDS - (at % CHUNK_WORDS);
    }
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    return slot;
  }
}
