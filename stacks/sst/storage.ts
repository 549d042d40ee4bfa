import type { Topology } from '../topology.ts';
import { componentName } from './names.ts';

/** The one table. */
export function createTable({ table }: Topology): sst.aws.Dynamo {
  return new sst.aws.Dynamo(componentName(table.name), {
    fields: { [table.hashKey]: 'string', [table.rangeKey]: 'string' },
    primaryIndex: { hashKey: table.hashKey, rangeKey: table.rangeKey },
    ttl: table.ttl,
    deletionProtection: table.deletionProtection,
    transform: { table: { pointInTimeRecovery: { enabled: table.pointInTimeRecovery } } },
  });
}

/** Values that do not fit an environment. */
export function createSecrets({ secrets }: Topology): void {
  for (const { name, value } of secrets) {
    const logical = name.replaceAll('/', '-');
    // A removed name cannot be used again until its window has passed; this value can be made anew from the fleet file.
    const secret = new aws.secretsmanager.Secret(logical, { name, recoveryWindowInDays: 0 });
    new aws.secretsmanager.SecretVersion(logical, { secretId: secret.id, secretString: value });
  }
}
