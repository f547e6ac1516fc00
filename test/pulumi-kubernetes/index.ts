export { Engine, noEngine } from './engine';
