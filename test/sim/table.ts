import type { Checkpoint, CheckpointKey, CheckpointStore } from '@tmc/relay/checkpoint.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';
import type { Shape } from './history.ts';
import type { Ledger } from './ledger.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimServer } from './server.ts';

type Ports = {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly shape: Shape;
  readonly ledger: Ledger;
  readonly serverOf: (endpoint: string) => SimServer | undefined;
};

/** The table of checkpoints and epochs, with calls that fail, or whose answer is lost after they took effect. */
export class SimTable implements CheckpointStore {
  readonly #ports: Ports;
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #epochs = new Map<string, number>();
  fails = 0;
  losesAnswer = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  heal(): void {
    this.fails = 0;
    this.losesAnswer = 0;
  }

  load(key: CheckpointKey): Promise<Checkpoint | undefined> {
    return this.#call(() => this.#checkpoints.get(nameOf(key)));
  }

  save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void> {
    return this.#call(() => {
      const { ledger, serverOf } = this.#ports;
      ledger.saved(serverOf(key.endpoint), key, checkpoint);
      ledger.noSecret('a checkpoint', { key, checkpoint });
      this.#checkpoints.set(nameOf(key), checkpoint);
    });
  }

  loadEpoch(source: string): Promise<number> {
    return this.#call(() => this.#epochs.get(source) ?? 0);
  }

  raiseEpoch(source: string, to: number): Promise<number> {
    return this.#call(() => {
      const epoch = Math.max(to, this.#epochs.get(source) ?? 0);
      this.#epochs.set(source, epoch);
      return epoch;
    });
  }

  async #call<T>(act: () => T): Promise<T> {
    await this.#way();
    if (this.fails > 0) {
      this.fails -= 1;
      throw new Error('simulated: the table throttles');
    }
    const result = act();
    if (this.losesAnswer > 0) {
      this.losesAnswer -= 1;
      throw new Error('simulated: the answer of the table was lost');
    }
    await this.#way();
    return result;
  }

  #way(): Promise<void> {
    const { scheduler, random, shape } = this.#ports;
    return scheduler.sleep(Math.floor(random() * shape.latencyMs));
  }
}

function nameOf({ source, endpoint, resource }: CheckpointKey): string {
  return `${source} ${endpoint} ${resource}`;
}
