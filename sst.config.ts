/// <reference path="./.sst/platform/config.d.ts" />

/** What `sst` deploys: `stacks/topology.ts` says what there is, `stacks/sst.ts` turns it into components. */
export default $config({
  async app({ stage }) {
    const { STAGES } = await import('./stacks/stages.ts');
    // A stage that does not exist is refused by the program; what it might have is kept until then.
    const { removal, protect } = STAGES[stage as keyof typeof STAGES] ?? STAGES.production;
    const tags = { 'tmc:app': 'tmc', 'tmc:stage': stage };
    const aws = { version: '7.20.0', defaultTags: { tags } };
    return { name: 'tmc', home: 'aws', providers: { aws }, removal, protect };
  },
  async run() {
    const { deploy } = await import('./stacks/sst.ts');
    return deploy($app.stage, process.env['TMC_FLEET'] ?? 'fleet.yaml');
  },
});
