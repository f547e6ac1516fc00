import type { Secret } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';

export function translateSecret(_secret: Secret, _context: ObjectContext): Translation<Secret> {
  throw new Error('not yet');
}
