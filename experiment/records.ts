/**
 * Names that every plain object seems to have, such as `constructor` and `__proto__`: as a name of something else they
 * would be found where they are not, or not where they are.
 */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** The value under a name from outside; undefined for what the record only inherits. */
export function ownValue<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Maps the values of a record and keeps its keys and their order. */
export function mapValues<T, U>(record: Record<string, T>, make: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value, key)]));
}
