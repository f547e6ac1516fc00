export { settingsSchema } from './settings';
export { PROPS_OF, VALUES_OF } from './value-types';
