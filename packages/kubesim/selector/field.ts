import { SelectorError } from './label.ts';

/** One term of a field selector. */
export interface FieldRequirement {
  field: string;
  value: string;
  negated: boolean;
}

const OPERATOR = /!=|==?/;

/**
 * Parses `metadata.name=x,status.phase!=y`; backslash escapes `,`, `=` and itself in values; empty text selects everything.
 * Which fields a resource can be selected by is the caller's to check.
 * @throws SelectorError
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const operator = OPERATOR.exec(term);
      if (!operator || operator.index === 0)
        throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
      const value = unescapeValue(term.slice(operator.index + operator[0].length), text);
      return { field: term.slice(0, operator.index), value, negated: operator[0] === '!=' };
    });
}

function splitTerms(text: string): string[] {
  const terms: string[] = [''];
  let escaped = false;
  for (const char of text) {
    if (char === ',' && !escaped) terms.push('');
    else terms[terms.length - 1] += char;
    escaped = char === '\\' && !escaped;
  }
  return terms;
}

function unescapeValue(value: string, text: string): string {
  const plain = value.replaceAll(/\\[\\,=]/g, '');
  if (/[\\,=]/.test(plain))
    throw new SelectorError(`invalid field selector '${text}': invalid character in value "${value}"`);
  return value.replaceAll(/\\([\\,=])/g, '$1');
}

/** Whether the fields of an object, read by `read`, meet all terms; an absent field is ''. */
export function matchesFields(requirements: FieldRequirement[], read: (field: string) => string | undefined): boolean {
  return requirements.every(({ field, value, negated }) => ((read(field) ?? '') === value) !== negated);
}
