import { bytesOf } from './call.ts';

/**
 * Bytes of an item in DynamoDB's JSON as DynamoDB counts them: names and values in UTF-8, a number about half a byte a digit and
 * one more, lists and maps three more and one for each element; 0 for no item.
 */
export function itemBytes(item: unknown, { names = true } = {}): number {
  const attributes = Object.entries((item ?? {}) as Record<string, unknown>);
  return attributes.reduce((sum, [name, value]) => sum + (names ? bytesOf(name) : 0) + valueBytes(value), 0);
}

function valueBytes(typed: unknown): number {
  const [type, value] = Object.entries(typed as Record<string, unknown>)[0] ?? [];
  switch (type) {
    case 'S':
      return bytesOf(String(value));
    case 'N':
      return numberBytes(String(value));
    case 'B':
      return Buffer.from(String(value), 'base64').length;
    case 'BOOL':
    case 'NULL':
      return 1;
    case 'SS':
    case 'NS':
    case 'BS':
    case 'L':
      return listBytes(type, value as readonly unknown[]);
    case 'M':
      return 3 + Object.keys(value as object).length + itemBytes(value);
    default:
      throw new Error(`an attribute of type ${type}`);
  }
}

function listBytes(type: string, values: readonly unknown[]): number {
  const sizes =
    type === 'L'
      ? values.map((one) => 1 + valueBytes(one))
      : values.map((one) => valueBytes({ [type.slice(0, 1)]: one }));
  return sizes.reduce((sum, size) => sum + size, type === 'L' ? 3 : 0);
}

const numberBytes = (digits: string): number => Math.ceil(digits.replace(/[^\d]/g, '').length / 2) + 1;
