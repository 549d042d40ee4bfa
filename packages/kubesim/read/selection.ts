import type { ApiObject } from '../object.ts';
import type { Target } from '../server/context.ts';

/** Which objects of a collection a request is about. */
export interface Selection {
  matches: (obj: ApiObject) => boolean;
  /** Whether it leaves anything out: lists then carry no remainingItemCount. */
  selective: boolean;
}

type Matcher = (obj: ApiObject) => boolean;

/** @throws ApiError 400 for selectors that do not parse or name fields that cannot be selected by */
export function selectionOf(target: Target, query: URLSearchParams): Selection {
  const matchers: Matcher[] = [];
  if (target.name) matchers.push((obj) => obj.metadata.name === target.name);
  const labels = query.get('labelSelector');
  if (labels) matchers.push(labelMatcher(labels));
  const fields = query.get('fieldSelector');
  if (fields) matchers.push(fieldMatcher(fields));
  const { view } = target;
  if (view?.requiredLabel) {
    const { key, value } = view.requiredLabel;
    matchers.push((obj) => obj.metadata.labels?.[key] === value);
  }
  if (view?.visible) matchers.push(view.visible);
  return { matches: (obj) => matchers.every((matcher) => matcher(obj)), selective: matchers.length > 0 };
}

const labelMatcher = (text: string): Matcher => {
  const pairs = text.split(',').map((part) => part.split('='));
  return (obj) => pairs.every(([key, value]) => obj.metadata.labels?.[key as string] === value);
};
const fieldMatcher = (text: string): Matcher => {
  const pairs = text.split(',').map((part) => part.split('='));
  return (obj) => pairs.every(([key, value]) => (key === 'metadata.name' ? obj.metadata.name === value : true));
};
