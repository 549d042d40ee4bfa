/** JSON schema as CustomResourceDefinitions and APIResourceSchemas carry it. */
export type OpenApiSchema = Record<string, unknown>;

export interface ScalePaths {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

/** One served resource in one version: what discovery shows and what the handlers go by. */
export interface ResourceDef {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  listKind: string;
  namespaced: boolean;
  shortNames: string[];
  categories: string[];
  verbs: string[];
  /** Name of the collection that holds its objects; shared by all versions of a resource. */
  storage: string;
  /** The version objects are stored in. */
  storageVersion: string;
  /** Defined by a schema at run time (CustomResourceDefinition or APIResourceSchema) rather than built in. */
  custom: boolean;
  status: boolean;
  scale?: ScalePaths;
  /** Served without the subresources of its kind other than status. */
  statusOnly?: boolean;
  schema?: OpenApiSchema;
  printerColumns?: PrinterColumn[];
}

export const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export const groupVersionOf = (def: { group: string; version: string }): string =>
  def.group ? `${def.group}/${def.version}` : def.version;

/** The collection of a resource outside kcp's exports. */
export const storageOf = (group: string, plural: string): string => `${plural}.${group || 'core'}`;
