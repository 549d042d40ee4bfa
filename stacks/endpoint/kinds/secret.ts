import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Kind, kind, part, physicalName, type Where } from '../kind.ts';

const SECRET = z.strictObject({
  name: z.string().optional(),
  description: z.string().default(''),
  /** Days until a secret that was removed is gone. On an endpoint it goes at once: its name is needed for the next deployment. */
  recoveryWindowInDays: z.number().optional(),
  forceOverwriteReplicaSecret: z.boolean().optional(),
});

const VERSION = z.strictObject({ secretId: z.string(), secretString: z.string() });

/** Secrets, and the values of them that the program knows. */
export function secretKinds({ secrets }: Pick<Clients, 'secrets'>, where: Where): Kind[] {
  return [secretKind(secrets, where), versionKind(secrets)];
}

function secretKind(secrets: SecretsManagerClient, where: Where): Kind {
  return kind<z.infer<typeof SECRET>>({
    type: 'aws:secretsmanager/secret:Secret',
    noun: 'secret',
    inputs: SECRET,
    identify: ({ name }, logical) => ({ secret: name ?? physicalName(where, logical, 512) }),
    fields: ({ description }) => ({ description }),
    async read(identity) {
      const live = await orAbsent(secrets.send(new DescribeSecretCommand({ SecretId: part(identity, 'secret') })));
      if (!live || live.DeletedDate) return undefined;
      return { fields: { description: live.Description ?? '' }, outputs: { arn: live.ARN ?? '' } };
    },
    async create(identity, { description }) {
      const Description = description ? { Description: description } : {};
      await secrets.send(new CreateSecretCommand({ Name: part(identity, 'secret'), ...Description }));
    },
    async update(identity, { description: Description }) {
      await secrets.send(new UpdateSecretCommand({ SecretId: part(identity, 'secret'), Description }));
    },
    async remove(identity) {
      const SecretId = part(identity, 'secret');
      await orAbsent(secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })));
    },
    outputs(identity, said, live) {
      const name = part(identity, 'secret');
      const arn = live?.outputs?.['arn'] || `arn:aws:secretsmanager:${where.region}:${where.account}:secret:${name}`;
      return { ...said, name, id: arn, arn };
    },
  });
}

function versionKind(secrets: SecretsManagerClient): Kind {
  const put = async (identity: Identity, { secretString }: z.infer<typeof VERSION>): Promise<void> => {
    const SecretId = part(identity, 'secret');
    await secrets.send(new PutSecretValueCommand({ SecretId, SecretString: secretString }));
  };
  return kind<z.infer<typeof VERSION>>({
    type: 'aws:secretsmanager/secretVersion:SecretVersion',
    noun: 'value of a secret',
    adopts: 'setting',
    inputs: VERSION,
    identify: ({ secretId }) => ({ secret: secretId }),
    fields: ({ secretString }) => ({ value: secretString }),
    async read(identity) {
      const answer = await orAbsent(secrets.send(new GetSecretValueCommand({ SecretId: part(identity, 'secret') })));
      return answer?.SecretString === undefined ? undefined : { fields: { value: answer.SecretString } };
    },
    create: put,
    update: put,
    // It goes with its secret.
    remove: async () => {},
    outputs: (identity, said) => ({ ...said, id: part(identity, 'secret'), arn: said.secretId }),
  });
}
