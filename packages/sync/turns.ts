/** Lets work on one id wait for its turn: one at a time, in the order asked. A failure is its caller's alone. */
export type Turns = <T>(id: string, work: () => Promise<T>) => Promise<T>;

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return (id, work) => {
    const mine = (last.get(id) ?? Promise.resolve()).then(work);
    const ended = mine
      .catch(() => undefined)
      .then(() => {
        if (last.get(id) === ended) last.delete(id);
      });
    last.set(id, ended);
    return mine;
  };
}
