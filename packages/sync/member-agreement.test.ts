import { bearerToken } from '@tmc/adapters/kube/connection.ts';
import { createMember } from '@tmc/adapters/kube/member.ts';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { memberAgreement } from './member-agreement.contract.ts';

memberAgreement('the simulator', async () => {
  const simulator = await startKubesim({ kind: 'kube' });
  const authorization = bearerToken(simulator.adminToken);
  const member = createMember({ connection: { url: simulator.url, ca: simulator.caPem, authorization } });
  return {
    member,
    async close() {
      member.close();
      await simulator.close();
    },
  };
});
