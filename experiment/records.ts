/** Maps the values of a record and keeps its keys and their order. */
export function mapValues<T, U>(record: Record<string, T>, make: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value, key)]));
}
