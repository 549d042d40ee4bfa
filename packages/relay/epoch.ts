import type { CheckpointStore } from './checkpoint.ts';

/**
 * The epoch of a source: which history its revisions belong to. The highest of what is configured and what was stored counts;
 * it rises by one when revisions went backwards, and everything learned in an older one is void.
 */
export class SourceEpoch {
  readonly #source: string;
  readonly #store: Pick<CheckpointStore, 'loadEpoch' | 'raiseEpoch'>;
  #current: number;
  #loading: Promise<void> | undefined;
  #raising: Promise<void> | undefined;

  constructor({ id, epoch }: { id: string; epoch: number }, store: Pick<CheckpointStore, 'loadEpoch' | 'raiseEpoch'>) {
    this.#source = id;
    this.#store = store;
    this.#current = epoch;
  }

  get current(): number {
    return this.#current;
  }

  /** Takes over what is stored, once; nothing may be told before. @throws what the store throws, and asks again next time. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Ends an epoch unless another reader did already; durable before anything is told in the new one. @throws what the store throws. */
  end(ended: number): Promise<void> {
    if (ended < this.#current) return Promise.resolve();
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #load(): Promise<void> {
    this.#current = Math.max(this.#current, await this.#store.loadEpoch(this.#source));
  }

  async #raise(): Promise<void> {
    this.#current = await this.#store.raiseEpoch(this.#source, this.#current + 1);
  }
}
