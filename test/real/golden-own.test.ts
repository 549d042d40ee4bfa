import { afterAll, beforeAll, expect, it } from 'vitest';
import { areasOf, type GoldenTarget, runGolden, SETS } from '../golden-own/checker.ts';
import { POWERLESS_TOKEN } from './harness/control-plane.ts';
import { type Fleet, startFleet } from './harness/fleet.ts';

/** Our own recordings against the server they speak of; with TMC_RECORD set they are made anew. */
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({ members: 0 });
}, 120_000);

afterAll(async () => {
  await fleet?.stop();
}, 30_000);

function realTarget(): GoldenTarget {
  const { url, ca = '', cert = '', key = '' } = fleet.hub.connection;
  const users = {
    admin: { certFile: 'admin.crt', keyFile: 'admin.key' },
    nobody: { token: POWERLESS_TOKEN },
    anonymous: {},
    badtoken: { token: 'nobody-issued-this' },
  };
  return {
    target: { kind: 'kube', server: url, caFile: 'ca.crt', users, vars: {} },
    files: { 'ca.crt': ca, 'admin.crt': cert, 'admin.key': key },
  };
}

it('our recordings hold on a real API server', async () => {
  const mode = process.env['TMC_RECORD'] ? 'record' : 'check';
  const { passed, output } = await runGolden(mode, SETS.own, realTarget());
  const names = [...areasOf(SETS.own).values()].flat();
  expect(
    names.filter((name) => !passed.has(name)),
    output,
  ).toEqual([]);
}, 120_000);
