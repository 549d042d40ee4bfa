import { describeScenarios } from '../scenario/scenarios.ts';
import { startWorld } from '../scenario/world.ts';
import { startFleet } from './harness/fleet.ts';

describeScenarios('real API servers', async () => {
  const fleet = await startFleet({ members: 3 });
  const members = fleet.members.map(({ name, kubeconfigPath }) => ({ name, kubeconfig: kubeconfigPath }));
  const world = await startWorld({ hub: fleet.hub.kubeconfigPath, members });
  return {
    ...world,
    async stop() {
      await world.stop();
      await fleet.stop();
    },
  };
});
