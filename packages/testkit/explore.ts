/**
 * A breadth-first model checker: visits every state a protocol can reach and returns the shortest way to one that breaks the
 * invariant. States are plain values; `key` decides which are the same.
 */

type Transition<S> = { readonly name: string; readonly next: S };

export type Model<S> = {
  readonly initial: S;
  /** Every step the state allows; a state without any is at rest. */
  readonly actions: (state: S) => Iterable<Transition<S>>;
  /** What is wrong with the state, undefined when nothing is. `atRest`: no action is possible any more. */
  readonly invariant: (state: S, atRest: boolean) => string | undefined;
  /** Equal keys mean equal states. */
  readonly key: (state: S) => string;
  /** Above this many states the model is not finite enough, and the exploration throws rather than pass for complete. */
  readonly maxStates: number;
};

type Step<S> = { readonly action: string; readonly state: S };

export type Exploration<S> =
  | { readonly ok: true; readonly states: number }
  | { readonly ok: false; readonly states: number; readonly reason: string; readonly path: readonly Step<S>[] };

type Visited<S> = { readonly state: S; readonly action: string; readonly parent: number };

/**
 * Explores the model completely, or to its first violation.
 * @throws Error when `maxStates` is passed.
 */
export function explore<S>(model: Model<S>): Exploration<S> {
  const visited: Visited<S>[] = [{ state: model.initial, action: 'start', parent: -1 }];
  const seen = new Set([model.key(model.initial)]);
  for (let index = 0; index < visited.length; index += 1) {
    const { state } = visited[index] as Visited<S>;
    const transitions = [...model.actions(state)];
    const reason = model.invariant(state, transitions.length === 0);
    if (reason !== undefined) return { ok: false, states: visited.length, reason, path: pathTo(visited, index) };
    for (const { name, next } of transitions) {
      const key = model.key(next);
      if (seen.has(key)) continue;
      seen.add(key);
      visited.push({ state: next, action: name, parent: index });
    }
    if (visited.length > model.maxStates) {
      throw new Error(`the model has more than ${model.maxStates} states: bound it, or raise maxStates`);
    }
  }
  return { ok: true, states: visited.length };
}

function pathTo<S>(visited: readonly Visited<S>[], index: number): Step<S>[] {
  const path: Step<S>[] = [];
  for (let at = index; at >= 0; ) {
    const { state, action, parent } = visited[at] as Visited<S>;
    path.unshift({ action, state });
    at = parent;
  }
  return path;
}
