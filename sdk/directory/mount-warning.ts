import type { Environment, Mount } from '../environment/environment.ts'

/** Warns where a directory lies on something that cannot keep what Tidemark promises; it is opened all the same. */
export function warnOfMount({ files, process }: Environment, path: string): void {
  const mount = mountOf(files, path)
  if (mount === undefined) return
  const [what, code] = WARNINGS[mount.kind]
  process.emitWarning(`${path} ${what(mount.name)}`, code)
}

const WARNINGS: Readonly<Record<Mount['kind'], readonly [(name: string) => string, string]>> = {
  network: [
    (name) =>
      `lies on a network file system (${name}). Its lock may not keep a program on another machine out, and what it calls flushed may be lost. Keep the directory on a disk of this machine.`,
    'TIDEMARK_NETWORK_FILE_SYSTEM',
  ],
  container: [
    (name) =>
      `lies in the file system of a container (${name}), which goes when the container is removed. Mount a volume there.`,
    'TIDEMARK_CONTAINER_FILE_SYSTEM',
  ],
}

/** Whatever is wrong with the path is told by opening it. */
function mountOf(files: Environment['files'], path: string): Mount | undefined {
  try {
    return files.mount(path)
  } catch {
    return undefined
  }
}
