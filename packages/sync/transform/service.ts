import { isPlainObject } from '@tmc/kernel/canonical.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';

/**
 * A Service without what its hub allocated: each member gives addresses and node ports of its own. `clusterIP: None` is a wish
 * (headless) and stays.
 */
export function withoutAllocations(copy: JsonObject): JsonObject {
  const before = copy['spec'];
  if (!isPlainObject(before)) return copy;
  const { clusterIP, clusterIPs: _ips, ipFamilies: _f, healthCheckNodePort: _h, ipFamilyPolicy, ...spec } = before;
  const ports = Array.isArray(spec['ports']) ? { ports: spec['ports'].map(withoutNodePort) } : {};
  return {
    ...copy,
    spec: {
      ...spec,
      ...ports,
      ...(clusterIP === 'None' ? { clusterIP } : {}),
      // SingleStack is what every server sets by itself; another policy is a wish.
      ...(ipFamilyPolicy !== undefined && ipFamilyPolicy !== 'SingleStack' ? { ipFamilyPolicy } : {}),
    },
  };
}

function withoutNodePort<T>(port: T): T {
  if (!isPlainObject(port)) return port;
  const { nodePort: _allocated, ...rest } = port;
  return rest as T;
}
