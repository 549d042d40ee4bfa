/** What the state of relays is kept under in the table. Permissions are made of the same names, so nothing else may build them. */

type NamedHub =
  | { readonly kind: 'kubernetes'; readonly workspace: string }
  | { readonly kind: 'kcp'; readonly export: { readonly workspace: string; readonly name: string } };

/** Stable id of a hub, part of its checkpoints: its workspace, with kcp that of the export and the export. */
export function hubIdOf(hub: NamedHub): string {
  return hub.kind === 'kcp' ? `${hub.export.workspace}/${hub.export.name}` : hub.workspace;
}

/** Scope of the lease that relays of one source stand for election by; `id`: of the hub, or the member's target key. */
export const electionScope = (kind: 'hub' | 'member', id: string): string => `relay/${kind}/${id}`;
