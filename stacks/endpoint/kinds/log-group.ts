import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Kind, kind, part, physicalName, type Where } from '../kind.ts';

const inputs = z.strictObject({
  name: z.string().optional(),
  /** 0: for ever. */
  retentionInDays: z.number().default(0),
});
type Inputs = z.infer<typeof inputs>;

/** Log groups; a function that writes makes its own where there is none. */
export function logGroupKinds({ logs }: Pick<Clients, 'logs'>, where: Where): Kind[] {
  const find = async (identity: Identity) => {
    const logGroupName = part(identity, 'group');
    const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
    return logGroups.find((one) => one.logGroupName === logGroupName);
  };
  const retain = async (identity: Identity, { retentionInDays }: Inputs): Promise<void> => {
    const logGroupName = part(identity, 'group');
    if (retentionInDays > 0) await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    else await logs.send(new DeleteRetentionPolicyCommand({ logGroupName }));
  };
  return [
    kind<Inputs>({
      type: 'aws:cloudwatch/logGroup:LogGroup',
      noun: 'log group',
      optional: 'functions log where the emulator puts it',
      adopts: 'whole',
      comesBack: true,
      inputs,
      identify: ({ name }, logical) => ({ group: name ?? physicalName(where, logical, 512) }),
      fields: ({ retentionInDays }) => ({ retention: retentionInDays }),
      async read(identity) {
        const live = await find(identity);
        return live && { fields: { retention: live.retentionInDays ?? 0 } };
      },
      async create(identity, said) {
        if (!(await find(identity)))
          await logs.send(new CreateLogGroupCommand({ logGroupName: part(identity, 'group') }));
        await retain(identity, said);
      },
      update: retain,
      async remove(identity) {
        await orAbsent(logs.send(new DeleteLogGroupCommand({ logGroupName: part(identity, 'group') })));
      },
      outputs(identity, said) {
        const name = part(identity, 'group');
        return { ...said, name, id: name, arn: `arn:aws:logs:${where.region}:${where.account}:log-group:${name}` };
      },
    }),
  ];
}
