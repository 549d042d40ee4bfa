import type { Sim } from '../server/context.ts';

/** The simulator's present time as metadata carries it. */
export const timestampOf = (sim: Sim): string => `${sim.clock.now().toISOString().slice(0, 19)}Z`;
