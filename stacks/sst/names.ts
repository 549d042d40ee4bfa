/** Logical name of a component: `sync-down` is `SyncDown`. Members' names keep their hyphens, so that two of them never meet. */
export function componentName(name: string): string {
  const member = /^commands-(.*)$/.exec(name)?.[1];
  if (member !== undefined) return `Commands-${member}`;
  return name.replace(/(^|-)([a-z])/g, (_whole, _hyphen, letter: string) => letter.toUpperCase());
}

/** Physical name of what SST gives none. */
export function deployedName(name: string): string {
  return `${$app.name}-${$app.stage}-${name}`;
}
