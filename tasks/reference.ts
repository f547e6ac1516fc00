/**
 * `npm run reference`: the reference of the package, the reference and the JSON schema of the syncer's configuration, and the list of attacks,
 * and the JSON schema of the command line's settings files, in docs.
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
import { settingsJsonSchema } from './settings-schema';

const root = join(__dirname, '..');
const docs = join(root, 'docs');
const schema = configurationJsonSchema();
const modules = publicModules(root);
writeFileSync(join(docs, 'api.md'), apiReference(modules));
writeFileSync(join(docs, 'configuration.md'), configurationReference(fieldGroups(schema)));
writeFileSync(join(docs, 'configuration.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
writeFileSync(join(docs, 'security.md'), attackReference(ATTACKS));
writeFileSync(join(docs, 'virtual-cluster.schema.json'), `${JSON.stringify(settingsJsonSchema(modules), null, 2)}\n`);
