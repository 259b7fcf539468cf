/**
 * Opens the store that the environment names: `FLAMINGO_STORE`, a folder; default `store` in the data folder.
 */
import { join } from 'node:path';
import { LocalStore } from '../artifacts/local/store';
import { dataFolder } from './places';
import type { Store } from '../artifacts/store';

export function storeFolder(where = process.env['FLAMINGO_STORE']): string {
  return where ?? join(dataFolder(), 'store');
}

export async function openStore(where = process.env['FLAMINGO_STORE']): Promise<Store> {
  if (where?.includes('://')) {
    throw new Error(`FLAMINGO_STORE=${where}: only local (or mounted) folders can hold a store so far`);
  }
  return LocalStore.open(storeFolder(where));
}
