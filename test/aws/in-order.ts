import { it } from 'vitest';

/** Registers tests that build on one another; in a suite with `shuffle: false`. */
export type InOrder = {
  /** Without it the rest makes no sense: when it fails, what follows is skipped. */
  readonly foundation: (title: string, run: () => Promise<unknown>) => void;
  readonly step: (title: string, run: () => Promise<unknown>) => void;
};

export function inOrder(): InOrder {
  let broken: string | undefined;
  const register = (title: string, run: () => Promise<unknown>, isFoundation: boolean) =>
    it(title, async (context) => {
      if (broken !== undefined) context.skip(`"${broken}" failed`);
      try {
        await run();
      } catch (error) {
        if (isFoundation) broken = title;
        throw error;
      }
    });
  return {
    foundation: (title, run) => register(title, run, true),
    step: (title, run) => register(title, run, false),
  };
}
