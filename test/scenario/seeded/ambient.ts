import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import type { TestClock } from '@tmc/testkit/clock.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';

/**
 * Timers, randomness and identifiers of this whole process, made virtual and repeatable: what the simulator and libraries take
 * from their surroundings would else differ between two runs of one seed. For a worker that does nothing but run worlds.
 */
export function takeOverSurroundings(): { enter(clock: TestClock, random: SeededRandom): void } {
  let clock: TestClock | undefined;
  let random: SeededRandom = () => 0.5;
  const schedule = (ms: number, run: () => void): (() => void) => clock?.schedule(ms, run) ?? (() => undefined);

  const once = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
    handleOf(schedule(ms, () => run(...given)));
  const again = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
    let cancel: () => void;
    const tick = (): void => {
      cancel = schedule(ms, tick);
      run(...given);
    };
    cancel = schedule(ms, tick);
    return handleOf(() => cancel());
  };
  const clear = (handle: unknown): void => (handle as { cancel?: () => void } | undefined)?.cancel?.();
  const virtual = { setTimeout: once, setInterval: again, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, virtual);
  Object.assign(timers, virtual);
  Math.random = () => random();
  crypto.randomUUID = () => uuidFrom(random);
  syncBuiltinESMExports();
  return {
    enter: (nextClock, nextRandom) => {
      clock = nextClock;
      random = nextRandom;
    },
  };
}

const handleOf = (cancel: () => void) => ({
  cancel,
  unref() {
    return this;
  },
  ref() {
    return this;
  },
});

function uuidFrom(random: SeededRandom): ReturnType<typeof crypto.randomUUID> {
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
}
