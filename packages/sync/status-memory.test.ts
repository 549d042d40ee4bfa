import type { KubeObject } from '@tmc/kernel/object.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStatusMemory, type StatusMemory } from './status-memory.ts';

let nowMs = 0;
let memory: StatusMemory;
beforeEach(() => {
  nowMs = 0;
  memory = createStatusMemory(() => nowMs);
});

const copy = (rv: string, uid = 'u'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', uid, resourceVersion: rv },
});
const note = (targetKey: string, rv: string, { inFlux = false, uid = 'u' } = {}) =>
  memory.note('web', { targetKey, downstreamObj: copy(rv, uid), inFlux });

describe('what is known of an object’s copies', () => {
  it('makes a report worth a look unless a newer one came; the same one again may be a retry', () => {
    expect(note('east', '5')).toBe(true);
    expect(note('east', '5')).toBe(true);
    expect(note('east', '4')).toBe(false);
    expect(note('east', '6')).toBe(true);
    expect(note('west', '4')).toBe(true);
  });

  it('tells nothing new about what was carried up, of that incarnation', () => {
    memory.carried('web', [{ targetKey: 'east', downstreamObj: copy('7') }]);
    expect(note('east', '6')).toBe(false);
    expect(note('east', '7')).toBe(false);
    expect(note('east', '8')).toBe(true);
    expect(note('east', '3', { uid: 'another' })).toBe(true);
  });

  it('remembers a newer report than the one carried up', () => {
    note('east', '9', { inFlux: true });
    memory.carried('web', [{ targetKey: 'east', downstreamObj: copy('7') }]);
    expect(memory.othersInFlux('web', 'west')).toBe(true);
    expect(note('east', '9')).toBe(true);
  });

  it('says whether another target is on its way, until it reports otherwise or was carried up', () => {
    note('east', '1', { inFlux: true });
    expect(memory.othersInFlux('web', 'east')).toBe(false);
    expect(memory.othersInFlux('web', 'west')).toBe(true);
    note('east', '2');
    expect(memory.othersInFlux('web', 'west')).toBe(false);
    note('east', '3', { inFlux: true });
    memory.carried('web', [{ targetKey: 'east', downstreamObj: copy('3') }]);
    expect(memory.othersInFlux('web', 'west')).toBe(false);
  });

  it('is forgotten soon', () => {
    note('east', '5', { inFlux: true });
    nowMs = 10_001;
    expect(memory.othersInFlux('web', 'west')).toBe(false);
    expect(note('east', '4')).toBe(true);
  });
});
