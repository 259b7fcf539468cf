/** Files below a folder. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Paths relative to `folder`, in alphabetical order; folders that vanish meanwhile hold none. */
export function filesBelow(folder: string): string[] {
  const visit = (at: string): string[] => {
    try {
      return readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
        const path = join(at, entry.name);
        return entry.isDirectory() ? visit(path) : entry.isFile() ? [relative(folder, path)] : [];
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  return visit(folder).sort();
}
