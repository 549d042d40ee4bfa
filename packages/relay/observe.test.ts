import { syncerFinalizer, UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { Inventory } from './observe.ts';

const RESOURCE = { group: '', resource: 'configmaps' };
const never = () => false;

describe('memory of a relay', () => {
  it.each([undefined, 'w|default/a', 'odd text with  spaces', 'ünicode'])(
    'gives a copy back as it was: %s',
    (upstream) => {
      const inventory = new Inventory({ kind: 'member', resource: RESOURCE, workspaceOf: () => 'k', isDrifted: never });
      const annotations = upstream === undefined ? {} : { [UPSTREAM_ANNOTATION]: upstream };
      const copy = configMap({ name: 'a', uid: 'u-1', resourceVersion: '17', annotations });
      inventory.settle(inventory.idOf(copy), copy);
      inventory.beginRound('listed');
      expect([...inventory.absent()]).toEqual([
        {
          change: 'delete',
          key: { workspace: 'k', ...RESOURCE, namespace: 'default', name: 'a' },
          id: 'k|/configmaps|default/a',
          uid: 'u-1',
          rv: '17',
          ...(upstream !== undefined && { upstream }),
        },
      ]);
      expect(inventory.present('k|/configmaps|default/a', copy)).toBe('duplicate');
    },
  );

  it('remembers that our finalizer held an upstream object, and forgets what is gone', () => {
    const inventory = new Inventory({ kind: 'hub', resource: RESOURCE, workspaceOf: () => 'w', isDrifted: never });
    const held = configMap({ name: 'a', uid: 'u', resourceVersion: '1', finalizers: [syncerFinalizer('t')] });
    const id = inventory.idOf(held);
    inventory.settle(id, held);
    inventory.beginRound('listed');
    expect([...inventory.absent()].map(({ change }) => change)).toEqual(['unseen']);
    inventory.mark('listed', id);
    expect([...inventory.absent()]).toEqual([]);
    inventory.beginRound('listed');
    inventory.forget(id);
    expect([inventory.size, [...inventory.absent()]]).toEqual([0, []]);
  });
});
