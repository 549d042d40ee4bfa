/** Asks every `everyMs` until the answer is yes. @throws Error after two minutes. */
export async function poll(what: string, ask: () => Promise<boolean>, everyMs = 100): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within two minutes`);
    await new Promise((settle) => setTimeout(settle, everyMs));
  }
}
