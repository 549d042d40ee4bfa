/** Collections and keys of the kcp layer. */
export const WORKSPACES = 'workspaces.tenancy.kcp.io';
export const WORKSPACE_TYPES = 'workspacetypes.tenancy.kcp.io';
export const LOGICAL_CLUSTERS = 'logicalclusters.core.kcp.io';
export const SCHEMAS = 'apiresourceschemas.apis.kcp.io';
export const EXPORTS = 'apiexports.apis.kcp.io';
export const BINDINGS = 'apibindings.apis.kcp.io';
export const SLICES = 'apiexportendpointslices.apis.kcp.io';

export const CLUSTER_ANNOTATION = 'kcp.io/cluster';
export const PATH_ANNOTATION = 'kcp.io/path';
export const CLAIM_LABEL_PREFIX = 'claimed.internal.apis.kcp.io/';
export const BINDING_FINALIZER = 'apis.kcp.io/apibinding-finalizer';
export const WORKSPACE_FINALIZER = 'core.kcp.io/logicalcluster';
export const ROOT = 'root';
