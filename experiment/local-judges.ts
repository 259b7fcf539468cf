/**
 * Judges that the GPU worker serves from a local folder: which there are, by their places in the file.
 */
import type { Path } from './issue';
import { MAIN_JUDGE, namedJudges } from './main-judge';
import type { Spec } from './spec';

/** Where the file names a judge. */
export function placeOfJudge(name: string): Path {
  return name === MAIN_JUDGE ? ['judge'] : ['judges', name];
}

/** Folders as the file writes them. */
export function judgeFolders(spec: Pick<Spec, 'judge' | 'judges'>): { path: string; place: Path }[] {
  return Object.entries(namedJudges(spec)).flatMap(([name, { local }]) =>
    local?.model.kind === 'folder' ? [{ path: local.model.path, place: placeOfJudge(name) }] : [],
  );
}
