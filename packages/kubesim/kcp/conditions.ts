import { timestampOf } from '../controllers/time.ts';
import type { Sim } from '../server/context.ts';

/** A true condition as kcp's controllers write it. */
export const trueCondition = (sim: Sim, type: string) => ({
  type,
  status: 'True',
  lastTransitionTime: timestampOf(sim),
});
