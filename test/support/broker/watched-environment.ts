import type { Environment, File, FileSystem } from '../../../sdk/environment/environment.ts'

/** The same machine; `before` is called before every operation that may change its disk. */
export function watchedEnvironment(inner: Environment, before: () => void): Environment {
  const watch = <A extends readonly unknown[], R>(operation: (...given: A) => R) => {
    return (...given: A): R => {
      before()
      return operation(...given)
    }
  }
  const { files } = inner
  const watchFile = (file: File): File => ({
    read: (target, position) => file.read(target, position),
    sizeBytes: () => file.sizeBytes(),
    inode: () => file.inode(),
    close: () => file.close(),
    write: watch((chunks: readonly Uint8Array[], position: number) => file.write(chunks, position)),
    truncate: watch((sizeBytes: number) => file.truncate(sizeBytes)),
    sync: watch(() => file.sync()),
    syncNow: watch(() => file.syncNow()),
  })
  const watched: FileSystem = {
    maxOpenFiles: files.maxOpenFiles,
    stat: (path) => files.stat(path),
    list: (path) => files.list(path),
    realPath: (path) => files.realPath(path),
    join: (...parts) => files.join(...parts),
    mount: (path) => files.mount(path),
    watch: (path, changed) => files.watch(path, changed),
    open: (path, options) => {
      if (options.create === true && files.stat(path) === undefined) before()
      return watchFile(files.open(path, options))
    },
    makeDirectory: watch((path: string) => files.makeDirectory(path)),
    rename: watch((from: string, to: string) => files.rename(from, to)),
    setModified: watch((path: string, modifiedMs: number) => files.setModified(path, modifiedMs)),
    remove: watch((path: string) => files.remove(path)),
    removeDirectory: watch((path: string) => files.removeDirectory(path)),
    syncDirectory: watch((path: string) => files.syncDirectory(path)),
    syncDirectoryInBackground: watch((path: string) => files.syncDirectoryInBackground(path)),
  }
  return {
    files: watched,
    clock: inner.clock,
    timers: inner.timers,
    random: inner.random,
    process: inner.process,
    lockDirectory: (path) => inner.lockDirectory(path),
    findLockHolder: (path) => inner.findLockHolder(path),
    isLocked: (path) => inner.isLocked(path),
    bindFence: (path, name) => inner.bindFence(path, name),
    connect: (path, name) => inner.connect(path, name),
  }
}
