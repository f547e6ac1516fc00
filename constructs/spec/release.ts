export { RELEASE } from '../../syncer/configuration';
