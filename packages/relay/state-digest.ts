/** Order-independent digest of a set of object states: XOR of 64 mixed bits of each (uid, revision). Finds loss, not malice. */
export class StateDigest {
  #high = 0;
  #low = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get value(): string {
    return `${(this.#high >>> 0).toString(16)}-${(this.#low >>> 0).toString(16)}`;
  }

  add(uid: string, rv: bigint): void {
    this.#count += 1;
    this.#toggle(uid, rv);
  }

  remove(uid: string, rv: bigint): void {
    this.#count -= 1;
    this.#toggle(uid, rv);
  }

  #toggle(uid: string, rv: bigint): void {
    const text = `${uid}/${rv}`;
    this.#high ^= mixed(text, 0x811c9dc5);
    this.#low ^= mixed(text, 0x2545f491);
  }
}

/** FNV-1a with the final mix of MurmurHash3, which spreads each bit over all. */
function mixed(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
