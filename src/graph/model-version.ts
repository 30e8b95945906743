/**
 * A number that grows whenever something changes that compiled programs depend on and do not read as
 * data: where parameters lie, what is frozen, train or evaluate mode. Equal numbers: nothing changed.
 */
let version = 0;

export const modelVersion = (): number => version;

export function modelChanged(): void {
  version++;
}
