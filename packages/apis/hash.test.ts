import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { downstreamNamespaceName, formatLocator, type NamespaceLocator, targetKey, tenantId } from './hash.ts';

/** Vectors of upstream TMC's own tests. */
const LOCATOR: NamespaceLocator = {
  syncTarget: { cluster: 'root:org:ws', name: 'us-west1', uid: 'syncTargetUID' },
  cluster: 'root:org:ws',
  namespace: 'test',
};

describe('hashed names', () => {
  it('target key, downstream namespace and tenant id are those of upstream', () => {
    expect(targetKey('root:org:ws', 'us-west1')).toBe('6ohB8yeXhwqTQVuBzJRgqcRJTpRjX7yTZu5g5g');
    expect(downstreamNamespaceName(LOCATOR)).toBe('kcp-33jbiactwhg0');
    expect(tenantId(LOCATOR)).toBe('9Fn3Q4y5UDPmCOrYCujwdgCbD9SwOcKdcefYE7');
  });

  it('the locator has one text, whatever order it was built in', () => {
    const text =
      '{"syncTarget":{"cluster":"root:org:ws","name":"us-west1","uid":"syncTargetUID"},"cluster":"root:org:ws","namespace":"test"}';
    expect(formatLocator(LOCATOR)).toBe(text);
    const { syncTarget, cluster, namespace } = LOCATOR;
    const turned = { uid: syncTarget.uid, name: syncTarget.name, cluster: syncTarget.cluster };
    expect(formatLocator({ namespace, cluster, syncTarget: turned })).toBe(text);
  });

  it('all namespaces of a workspace on a target share the tenant id, other workspaces do not', () => {
    expect(tenantId({ ...LOCATOR, namespace: 'other' })).toBe(tenantId(LOCATOR));
    expect(tenantId({ ...LOCATOR, cluster: 'root:org:ws2' })).not.toBe(tenantId(LOCATOR));
  });

  test.prop([fc.string({ minLength: 1 }), fc.string({ minLength: 1 })])(
    'a key fits a label name',
    (workspace, name) => {
      expect(targetKey(workspace, name)).toMatch(/^[0-9a-zA-Z]{1,38}$/);
    },
  );

  test.prop([fc.string(), fc.string()])('a namespace name is a DNS label', (cluster, namespace) => {
    expect(downstreamNamespaceName({ ...LOCATOR, cluster, namespace })).toMatch(/^kcp-[0-9a-z]{12}$/);
  });
});
