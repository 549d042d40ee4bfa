import { createMember } from '@tmc/adapters/kube/member.ts';
import { memberAgreement } from '@tmc/sync/member-agreement.contract.ts';
import { startFleet } from './harness/fleet.ts';

/** What sync takes for granted about copies, on a real API server. */
memberAgreement('kube-apiserver', async () => {
  const fleet = await startFleet({ members: 0 });
  const member = createMember({ connection: fleet.hub.connection });
  return {
    member,
    close: async () => {
      member.close();
      await fleet.stop();
    },
  };
});
