/** Every implementation of the store, held to the one suite. */
import { STORAGES } from '../../support/stores';
import { storeSuite } from './store-suite';

for (const [name, make] of STORAGES) storeSuite(name, make);
