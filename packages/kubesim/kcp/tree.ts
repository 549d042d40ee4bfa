import { createHash, randomUUID } from 'node:crypto';
import { ROOT } from './names.ts';

/** Which workspace path stands for which logical cluster. */
export class WorkspaceTree {
  private readonly idByPath = new Map<string, string>([[ROOT, ROOT]]);
  private readonly pathById = new Map<string, string>([[ROOT, ROOT]]);

  /** The logical cluster of a path or an id; undefined when there is none. */
  find(pathOrId: string): string | undefined {
    return this.idByPath.get(pathOrId) ?? (this.pathById.has(pathOrId) ? pathOrId : undefined);
  }

  pathOf(id: string): string | undefined {
    return this.pathById.get(id);
  }

  /** Adds a workspace below a logical cluster and returns its new id. */
  add(parent: string, name: string): { id: string; path: string } {
    const path = `${this.pathById.get(parent)}:${name}`;
    const id = createHash('sha256')
      .update(randomUUID())
      .digest('base64url')
      .toLowerCase()
      .replaceAll(/[-_]/g, 'x')
      .slice(0, 16);
    this.idByPath.set(path, id);
    this.pathById.set(id, path);
    return { id, path };
  }

  remove(id: string): void {
    const path = this.pathById.get(id);
    if (path !== undefined) this.idByPath.delete(path);
    this.pathById.delete(id);
  }
}
