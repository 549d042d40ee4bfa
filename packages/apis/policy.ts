/**
 * The one internal placement policy. Placement, WorkloadPlacement and ClusterWorkloadPlacement all convert to it (`convert.ts`),
 * so that deciding knows one language.
 */

/** `metav1.LabelSelector`; an empty one matches everything, an absent one nothing unless said otherwise. */
export type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
};

/** A resource quantity need of the whole placement on one target, as quantity texts (`cpu: 500m`). */
export type ResourceNeeds = Readonly<Record<string, string>>;

export type Policy = {
  /** `<resource>/<namespace or empty>/<name>`: unique in its workspace, part of table keys. */
  readonly id: string;
  readonly workspace: string;
  readonly uid: string;
  readonly rv: string;
  readonly generation: number;
  /** Which namespaces of the workspace it governs; `names` narrows further (a namespaced policy names its own). */
  readonly namespaces: { readonly selector?: LabelSelector; readonly names?: readonly string[] };
  /** Which objects in them; absent members cover all synced resources. */
  readonly selects: {
    readonly resources?: readonly string[];
    readonly matchLabels?: Readonly<Record<string, string>>;
  };
  /** Workspace whose targets are candidates; the policy's own unless the kind names another. */
  readonly locationWorkspace: string;
  /** Hard rules on targets; all that are present must hold. */
  readonly hard: {
    /** OR-ed selectors on Location labels (Placement kind); an empty list selects nothing. */
    readonly locationSelectors?: readonly LabelSelector[];
    /** Selector on the labels of the target itself. */
    readonly targetSelector?: LabelSelector;
    readonly targetNames?: readonly string[];
    /** Regions (`TargetFacts.location`) of which one must match. */
    readonly locations?: readonly string[];
    readonly capabilities?: readonly string[];
    readonly resources?: ResourceNeeds;
  };
  /** Wishes that raise the score: earlier locations count more. */
  readonly soft: { readonly preferredLocations: readonly string[]; readonly preferredCapabilities: readonly string[] };
  /** Number of targets: fewer than `min` eligible ones leaves the group unsatisfied (nothing is placed). */
  readonly min: number;
  readonly max: number;
  /**
   * How targets are chosen among equals: OneLocation picks a single location, then one target in it (Placement);
   * Spread takes the best scored; RoundRobin rotates over groups by a stable hash; LeastLoaded by reservations.
   */
  readonly spread: 'OneLocation' | 'Spread' | 'RoundRobin' | 'LeastLoaded';
  readonly division: 'Duplicated' | 'Divided';
};

/** Facts of one Location: a named set of targets. */
export type LocationFacts = {
  readonly workspace: string;
  readonly name: string;
  readonly rv: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly instanceSelector: LabelSelector;
};

/** Facts of one hub namespace. */
export type NamespaceFacts = {
  readonly workspace: string;
  readonly name: string;
  readonly uid: string;
  readonly rv: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly terminating: boolean;
};

/** A problem in an object a user can mend: where, what was expected, what was found. */
export type FieldProblem = { readonly field: string; readonly expected: string; readonly received: string };

/** A converted object or the reasons why it cannot be. */
export type Converted<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };
