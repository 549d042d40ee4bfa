import { Listr } from 'listr2';
import type { DemoContext, Step } from './steps.ts';

export type Output = { readonly isTTY?: boolean; write(text: string): unknown };

/** Thrown when a step failed: its title and reason are what the demo ends with. */
export class StepFailed extends Error {
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'StepFailed';
    this.step = step;
  }
}

/**
 * Runs the steps one after the other: as a live list on a terminal, as plain lines in a pipe.
 * @throws StepFailed at the first step that does not hold; the later ones are not tried.
 */
export async function present(steps: readonly Step[], context: () => DemoContext, output: Output): Promise<void> {
  if (output.isTTY) await presentLive(steps, context);
  else await presentLines(steps, context, output);
}

async function presentLines(steps: readonly Step[], context: () => DemoContext, output: Output): Promise<void> {
  for (const step of steps) {
    output.write(`${step.title}\n`);
    for (const line of await attempt(step, context)) output.write(`    ${line}\n`);
  }
}

async function presentLive(steps: readonly Step[], context: () => DemoContext): Promise<void> {
  const tasks = steps.map((step) => ({
    title: step.title,
    task: async (_: unknown, task: { output: string }) => {
      task.output = (await attempt(step, context)).join('\n');
    },
    rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY },
  }));
  await new Listr(tasks, { concurrent: false, rendererOptions: { collapseErrors: false } }).run();
}

async function attempt(step: Step, context: () => DemoContext): Promise<string[]> {
  try {
    return await step.run(context());
  } catch (error) {
    throw new StepFailed(step.title, error);
  }
}
