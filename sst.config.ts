/// <reference path="./.sst/platform/config.d.ts" />

/** What `sst` deploys: `stacks/topology.ts` says what there is, `stacks/sst.ts` turns it into components. */
export default $config({
  app({ stage }) {
    const isKept = stage === 'production';
    const removal = isKept ? 'retain' : 'remove';
    const tags = { 'tmc:app': 'tmc', 'tmc:stage': stage };
    const aws = { version: '7.20.0', defaultTags: { tags } };
    return { name: 'tmc', home: 'aws', providers: { aws }, removal, protect: isKept };
  },
  async run() {
    const { deploy } = await import('./stacks/sst.ts');
    return deploy($app.stage, process.env['TMC_FLEET'] ?? 'fleet.yaml');
  },
});
