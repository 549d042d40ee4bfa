#!/usr/bin/env node
// The command as it is installed. The sources are TypeScript and run as they are, which Node can from 22.19 on.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`tmc needs Node.js 22.19 or newer, this is ${process.version}; inside the project use: npm run tmc --`);
  process.exit(1);
}
await import('../main.ts');
