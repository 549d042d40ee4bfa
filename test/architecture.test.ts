import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The fences between the parts, walked over the import statements of every source file. A rule that must be broken is a rule to
 * change here, in sight of everybody.
 */

const root = resolve(import.meta.dirname, '..');
const SLICES = ['leases', 'relay', 'placement', 'sync', 'recovery'];
const PURE = /^(decide|filter|score|select|divide|plan|view|detect|interest|route)(-[a-z-]+)?\.ts$/;
const SDK = /^(@aws-sdk\/|@kubernetes\/client-node|@middy\/|@aws-lambda-powertools\/|sst$)/;
const SDK_PLACES = /^(packages\/adapters|packages\/cli|functions|stacks)\//;
const AMBIENT = /\b(Date\.now|Math\.random|performance\.now|process\.env|console\.|randomUUID\()/;

type Source = { path: string; text: string; lines: number; imports: string[] };

const sources = ['packages', 'functions', 'stacks', 'scripts', 'bench', 'test']
  .flatMap((folder) => walk(join(root, folder)))
  .map(readSource);
const products = sources.filter(
  (s) => !/\.(test|contract|property|model)\.ts$/.test(s.path) && !s.path.startsWith('test/'),
);

function walk(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'golden', 'dist', '.cache', 'generated'].includes(entry.name) ? [] : walk(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function textFiles(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8');
  const imports = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]/g)].map(
    (m) => m[1] ?? '',
  );
  const dynamic = [...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((m) => m[1] ?? '');
  return { path: relative(root, path), text, lines: text.split('\n').length - 1, imports: [...imports, ...dynamic] };
}

/** The package of ours an import leads to, undefined for libraries. */
function packageOf(source: Source, specifier: string): string | undefined {
  if (specifier.startsWith('@tmc/')) return specifier.split('/')[1];
  if (!specifier.startsWith('.')) return undefined;
  const target = relative(root, resolve(root, dirname(source.path), specifier));
  return target.startsWith('packages/') ? target.split('/')[1] : target.split('/')[0];
}

const inPackage = (name: string) => products.filter((s) => s.path.startsWith(`packages/${name}/`));

function violations(
  files: Source[],
  allowed: (specifier: string, target: string | undefined, source: Source) => boolean,
) {
  return files.flatMap((source) =>
    source.imports.filter((i) => !allowed(i, packageOf(source, i), source)).map((i) => `${source.path} imports ${i}`),
  );
}

describe('fences', () => {
  it('kernel imports nothing but zod and node:crypto', () => {
    const bad = violations(
      inPackage('kernel'),
      (i, target) => target === 'kernel' || i === 'zod' || i === 'node:crypto',
    );
    expect(bad).toEqual([]);
  });

  it('slices import kernel, apis and leases, never each other', () => {
    for (const slice of SLICES) {
      const own = new Set([slice, 'kernel', 'apis', ...(slice === 'relay' ? [] : ['leases'])]);
      expect(violations(inPackage(slice), (_i, target) => target === undefined || own.has(target))).toEqual([]);
    }
  });

  it('kubesim stands alone', () => {
    expect(violations(inPackage('kubesim'), (_i, target) => target === undefined || target === 'kubesim')).toEqual([]);
  });

  it('SDKs appear only in adapters, functions, stacks and the CLI', () => {
    const bad = violations(
      // A bench measures from outside, as tests do.
      products.filter((s) => !SDK_PLACES.test(s.path) && !s.path.startsWith('bench/')),
      (i, _target, source) => !SDK.test(i) || isTypeOnly(source, i),
    );
    expect(bad).toEqual([]);
  });

  it('decisions are pure: no clock, randomness, environment, console or input and output', () => {
    const pure = products.filter((s) => isPure(s.path));
    expect(pure.length).toBeGreaterThan(8);
    const ambient = pure.filter((s) => AMBIENT.test(withoutComments(s.text))).map((s) => s.path);
    expect(ambient).toEqual([]);
    const io = violations(
      pure,
      (i, target) => target !== 'adapters' && (!i.startsWith('node:') || i === 'node:crypto'),
    );
    expect(io).toEqual([]);
  });

  it('nothing is called utils, helpers or common, and zod is imported whole', () => {
    const named = products.filter((s) => /^(utils?|helpers?|common)\.ts$/.test(basename(s.path))).map((s) => s.path);
    expect(named).toEqual([]);
    const picked = sources.filter((s) => /import\s*\{[^}]*\}\s*from\s*['"]zod['"]/.test(s.text)).map((s) => s.path);
    expect(picked).toEqual([]);
  });

  it('nothing mentions what a stranger does not have', () => {
    const machinePath = /['"`(]\/(home|root|Users|work|farm)\//;
    const documents = [
      'README.md',
      'CONTRIBUTING.md',
      ...textFiles('docs'),
      ...textFiles('deploy'),
      ...textFiles('.ci'),
    ];
    const texts = [...sources, ...documents.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))];
    expect(texts.filter(({ text }) => machinePath.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe('size budgets', () => {
  it('files have at most 400 lines, test files 500', () => {
    const tooLong = sources.filter((s) => s.lines > (isTest(s.path) ? 500 : 400)).map((s) => `${s.path}: ${s.lines}`);
    expect(tooLong).toEqual([]);
  });

  it('the kernel stays below 600 lines', () => {
    const lines = inPackage('kernel').reduce((sum, s) => sum + s.lines, 0);
    expect(lines).toBeLessThanOrEqual(600);
  });

  it('function files wire and nothing else: at most 40 lines', () => {
    const tooLong = products.filter((s) => s.path.startsWith('functions/') && s.lines > 40).map((s) => s.path);
    expect(tooLong).toEqual([]);
  });

  it('a slice has a README of at most 20 lines', () => {
    for (const slice of SLICES) {
      const readme = readFileSync(join(root, 'packages', slice, 'README.md'), 'utf8');
      expect(readme.trimEnd().split('\n').length, slice).toBeLessThanOrEqual(20);
    }
  });
});

function isPure(path: string): boolean {
  const slice = /^packages\/(placement|sync|recovery|relay|apis)\//.test(path);
  return slice && (PURE.test(basename(path)) || path.includes('/transform/'));
}

function isTest(path: string): boolean {
  return path.startsWith('test/') || /\.(test|contract|property|model)\.ts$/.test(path);
}

function isTypeOnly(source: Source, specifier: string): boolean {
  const escaped = specifier.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return !new RegExp(`import\\s+(?!type\\b)[^;]*from\\s*['"]${escaped}['"]`).test(source.text);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
