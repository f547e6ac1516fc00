import type { ConfigMap } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';

export function translateConfigMap(_configMap: ConfigMap, _context: ObjectContext): Translation<ConfigMap> {
  throw new Error('not yet');
}
