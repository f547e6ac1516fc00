/**
 * Reading, checking and writing of the configuration document. Apart from the room's index, as whoever imports this loads a schema
 * library and a YAML parser.
 */
export { configurationJsonSchema } from './json-schema';
export { formatConfiguration, parseConfiguration, readDocument, resolveConfiguration } from './parse';
export { configurationSchema } from './schema';
export { schemaProblems } from './schema-problems';
