/** The workflows that a worker registers; the bundle is built from this file. */
export { account } from './account';
export { configuration } from './configuration';
export { experiment } from './experiment';
