/** `npm run reference`: the reference and the JSON schema of the syncer's configuration, and the list of attacks, in docs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attackReference } from '../constructs/attacks/reference';
import { ATTACKS } from '../constructs/attacks/attacks';
import { configurationJsonSchema } from '../syncer/configuration/document';
import { fieldGroups } from '../syncer/configuration/fields';
import { configurationReference } from '../syncer/configuration/reference';

const docs = join(__dirname, '..', 'docs');
const schema = configurationJsonSchema();
writeFileSync(join(docs, 'configuration.md'), configurationReference(fieldGroups(schema)));
writeFileSync(join(docs, 'configuration.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
writeFileSync(join(docs, 'security.md'), attackReference(ATTACKS));
