/** Identifiers `<prefix>-000001`, `<prefix>-000002`, …: fits the kernel's `Ids`; they sort in the order they were made. */
export function sequentialIds(prefix = 'id'): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${String(count).padStart(6, '0')}`;
  };
}
