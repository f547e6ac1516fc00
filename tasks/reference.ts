/**
 * `npm run reference`: the reference of the package, the reference and the JSON schema of the syncer's configuration, and the list of attacks,
 * in docs.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attackReference } from '../constructs/attacks/reference';
import { ATTACKS } from '../constructs/attacks/attacks';
import { configurationJsonSchema } from '../syncer/configuration/document';
import { fieldGroups } from '../syncer/configuration/fields';
import { configurationReference } from '../syncer/configuration/reference';
import { apiReference } from './api-reference/markdown';
import { publicModules } from './api-reference/surface';

const root = join(__dirname, '..');
const docs = join(root, 'docs');
const schema = configurationJsonSchema();
writeFileSync(join(docs, 'api.md'), apiReference(publicModules(root)));
writeFileSync(join(docs, 'configuration.md'), configurationReference(fieldGroups(schema)));
writeFileSync(join(docs, 'configuration.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
writeFileSync(join(docs, 'security.md'), attackReference(ATTACKS));
