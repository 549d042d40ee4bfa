import type { JsonObject } from '@tmc/kernel/object.ts';
import { encodeData } from '../table/rules.ts';
import type { Item, Write, WriteCondition } from '../table/table.ts';

/** An item's attributes: keys, `version` (number), `data` (JSON text), `expires` (epoch seconds, DynamoDB's time to live). */
export const TTL_ATTRIBUTE = 'expires';

type Put = Extract<Write, { op: 'put' }>;
type Delete = Extract<Write, { op: 'delete' }>;
type Values = Record<string, string | number>;

/** UpdateItem, because it alone can raise a number: `SET data, expires ADD version 1` under the condition. */
export function toUpdate({ key: { pk, sk }, data, expiresAtS, when }: Put) {
  const condition = toCondition(when);
  const expiry = expiresAtS === undefined ? 'REMOVE #expires' : '';
  const set = expiresAtS === undefined ? 'SET #data = :data' : 'SET #data = :data, #expires = :expires';
  const values: Values = { ':data': encodeData({ pk, sk }, data), ':one': 1 };
  return {
    Key: { pk, sk },
    UpdateExpression: `${set} ${expiry} ADD #version :one`,
    ExpressionAttributeNames: { '#data': 'data', '#version': 'version', '#expires': TTL_ATTRIBUTE },
    ExpressionAttributeValues: {
      ...values,
      ...(expiresAtS !== undefined && { ':expires': expiresAtS }),
      ...condition?.values,
    },
    ...(condition && { ConditionExpression: condition.text }),
  };
}

export function toDelete({ key: { pk, sk }, when }: Delete) {
  const condition = toCondition(when);
  if (!condition) return { Key: { pk, sk } };
  const { text, values, names } = condition;
  return {
    Key: { pk, sk },
    ConditionExpression: text,
    ...(names && { ExpressionAttributeNames: names }),
    ...(values && { ExpressionAttributeValues: values }),
  };
}

type Condition = { readonly text: string; readonly names?: Record<string, string>; readonly values?: Values };

function toCondition(when: WriteCondition | undefined): Condition | undefined {
  if (!when) return undefined;
  if ('absent' in when) return { text: 'attribute_not_exists(pk)' };
  return { text: '#version = :version', names: { '#version': 'version' }, values: { ':version': when.version } };
}

/** An item from the document client's attributes. */
export function fromAttributes(attributes: Record<string, unknown>): Item {
  const { pk, sk, version, data, [TTL_ATTRIBUTE]: expires } = attributes;
  return {
    pk: String(pk),
    sk: String(sk),
    version: Number(version),
    data: JSON.parse(String(data)) as JsonObject,
    ...(expires === undefined ? {} : { expiresAtS: Number(expires) }),
  };
}

/** An item from the error of a failed condition, where attributes are typed values the document client leaves alone. */
export function fromRawAttributes(attributes: Record<string, unknown> | undefined): Item | undefined {
  if (!attributes) return undefined;
  const plain = Object.entries(attributes).map(([name, value]) => {
    const typed = value as { S?: string; N?: string };
    return [name, typeof value === 'object' ? (typed.S ?? typed.N) : value];
  });
  return fromAttributes(Object.fromEntries(plain));
}
