/** The promise of `key`, made once. Its failure belongs to those who await it. */
export function once<K, V>(promises: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let promise = promises.get(key);
  if (promise === undefined) {
    promise = make();
    promise.catch(() => {});
    promises.set(key, promise);
  }
  return promise;
}
