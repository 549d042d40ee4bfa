/**
 * A process that may die at any of its effects, or be frozen: everything a relay does to the world goes through one. Of a dead
 * process nothing has an effect any more: its promises stay pending for ever and are forgotten with it.
 */
export class SimProcess {
  readonly name: string;
  isDead = false;
  #effects = 0;
  #killAt = Number.POSITIVE_INFINITY;
  #killed: () => void = () => {};
  #frozen: Promise<void> | undefined;
  #thaw: () => void = () => {};
  readonly #onDeath: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Dies at the n-th effect from now; 0: at once. */
  killAfter(effects: number, killed: () => void): void {
    this.#killAt = this.#effects + effects;
    this.#killed = killed;
    if (effects <= 0) this.#die();
  }

  /** A death that was planned does not come. */
  spare(): void {
    this.#killAt = Number.POSITIVE_INFINITY;
  }

  /** Nothing gets on until {@link thaw}. */
  freeze(): void {
    this.#frozen ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#frozen = undefined;
    this.#thaw();
  }

  /** What the machine does when the process is gone: its connections close. */
  onDeath(act: () => void): void {
    if (this.isDead) act();
    else this.#onDeath.push(act);
  }

  /** Waits for something that has no effect on the world, as time that passes. */
  async pass<T>(waiting: Promise<T>): Promise<T> {
    const result = await waiting;
    await this.#step();
    return result;
  }

  /** Does something to the world and hands its outcome back, unless the process has died before or meanwhile. */
  async reach<T>(act: () => Promise<T>): Promise<T> {
    await this.#step();
    try {
      const result = await act();
      await this.#step();
      return result;
    } catch (error) {
      await this.#step();
      throw error;
    }
  }

  /** One point at which the process may die. Resolves unless it has. */
  async #step(): Promise<void> {
    this.#effects += 1;
    if (!this.isDead && this.#effects >= this.#killAt) this.#die();
    if (this.#frozen !== undefined) await this.#frozen;
    if (this.isDead) return new Promise(() => {});
  }

  #die(): void {
    if (this.isDead) return;
    this.isDead = true;
    for (const act of this.#onDeath) act();
    this.#killed();
  }
}
