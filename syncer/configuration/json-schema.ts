import * as z from 'zod';
import { configurationSchema } from './schema';

/** JSON Schema (draft 2020-12) of the document as one may write it, for editors and documentation. */
export function configurationJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(configurationSchema, { io: 'input' }) };
}
