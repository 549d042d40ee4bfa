import { AsyncLocalStorage } from 'node:async_hooks';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import type { Faults } from './faults.ts';

/** One run of a function's instance, which may end at any of its calls to the outside. */
type Invocation = { callsLeft: number; readonly die: (error: Error) => void; isDead: boolean };

/** Calls an invocation makes before it crashes, at most. */
const MAX_CALLS = 12;

/**
 * Runs functions as a platform does that kills instances: an invocation that crashes makes no further call, answers nothing, and
 * leaves nothing behind in memory.
 */
export class Invocations {
  readonly #current = new AsyncLocalStorage<Invocation>();
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** A function whose instance is made anew after each crash. */
  crashing(make: () => SqsFunction): SqsFunction {
    let instance = make();
    return async (event, context) => {
      const callsLeft = this.#faults.happens('crash') ? this.#faults.draw(MAX_CALLS) : Number.POSITIVE_INFINITY;
      const { promise: crashed, reject } = Promise.withResolvers<never>();
      const invocation: Invocation = { callsLeft, die: reject, isDead: false };
      try {
        return await Promise.race([this.#current.run(invocation, () => instance(event, context)), crashed]);
      } catch (error) {
        // It crashed, or was at its time limit: the platform kills it.
        instance = make();
        throw error;
      } finally {
        invocation.isDead = true;
      }
    };
  }

  /** A call of the running invocation: the last one may or may not take effect, and nothing follows it. */
  readonly step = async <T>(call: () => Promise<T>): Promise<T> => {
    const invocation = this.#current.getStore();
    if (!invocation) return call();
    if (invocation.isDead) return never();
    invocation.callsLeft -= 1;
    if (invocation.callsLeft > 0) {
      const result = await call();
      return invocation.isDead ? never() : result;
    }
    invocation.isDead = true;
    if (this.#faults.chance(0.5)) await call().catch(() => undefined);
    invocation.die(new Error('the instance crashed (injected)'));
    return never();
  };
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
