import type { Clients } from '../clients.ts';
import type { Kind, Where } from '../kind.ts';
import { alarmKinds } from './alarm.ts';
import { functionKinds } from './function.ts';
import { functionSettingKinds } from './function-settings.ts';
import { logGroupKinds } from './log-group.ts';
import { mappingKinds } from './mapping.ts';
import { objectKinds } from './object.ts';
import { queueKinds } from './queue.ts';
import { roleKinds } from './role.ts';
import { scheduleKinds } from './schedule.ts';
import { secretKinds } from './secret.ts';
import { tableKinds } from './table.ts';

/** Everything that can be made on an endpoint, by the Pulumi type. */
export function allKinds(clients: Clients, where: Where): ReadonlyMap<string, Kind> {
  const kinds = [
    ...queueKinds(clients, where),
    ...tableKinds(clients, where),
    ...roleKinds(clients, where),
    ...objectKinds(clients, where),
    ...logGroupKinds(clients, where),
    ...functionKinds(clients, where),
    ...functionSettingKinds(clients, where),
    ...mappingKinds(clients),
    ...scheduleKinds(clients, where),
    ...alarmKinds(clients, where),
    ...secretKinds(clients, where),
  ];
  return new Map(kinds.map((one) => [one.type, one]));
}
