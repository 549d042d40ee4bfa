import { parse, YAMLParseError } from 'yaml';

/**
 * The content of a file a user wrote, which may hold credentials: what is wrong is told by place alone. The parser's own text, and
 * its warnings, quote the line.
 * @throws Error with line, column and the parser's code; the parser's error is not its cause.
 */
export function parseUserYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw new Error(placeOf(error));
  }
}

function placeOf(error: unknown): string {
  if (!(error instanceof YAMLParseError))
    return 'it is not YAML: an alias in it names no anchor, or is expanded too often';
  const at = error.linePos?.[0];
  return `it is not YAML${at ? ` at line ${at.line}, column ${at.col}` : ''} (${error.code})`;
}
