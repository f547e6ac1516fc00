export { readSettings } from './read';
export { plainForm, propsFromPlain, type PlainSettings } from './plain-form';
export { settingsSchema } from '../../constructs/settings';
