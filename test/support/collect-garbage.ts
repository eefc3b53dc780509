import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all garbage now. Finalizers run later, in a separate task. */
export const collectGarbage: () => void = runInNewContext('gc');
