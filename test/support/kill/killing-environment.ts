import type { Environment, File, FileSystem } from '../../../sdk/testing.ts'
import { overridden } from '../overridden.ts'

export const KILL_POINTS = ['join', 'append', 'torn append', 'flush', 'roll', 'commit', 'torn commit', 'idle'] as const
export type KillPoint = (typeof KILL_POINTS)[number]

/** Kills this process, for real, at the n-th operation of a kind, once armed. */
export class Killer {
  #armed = false
  #left: number
  readonly #point: KillPoint

  constructor(point: KillPoint, nth: number) {
    this.#point = point
    this.#left = nth
  }

  arm(): void {
    this.#armed = true
  }

  passes(point: KillPoint): boolean {
    return this.#armed && point === this.#point && --this.#left <= 0
  }

  kill(): never {
    process.kill(process.pid, 'SIGKILL')
    for (;;);
  }
}

/** The machine's own environment, with a killer behind every write, flush and new segment. */
export function killingEnvironment(inner: Environment, killer: Killer): Environment {
  const open: FileSystem['open'] = (path, options) => {
    const created = options.create === true && inner.files.stat(path) === undefined
    const file = inner.files.open(path, options)
    const isData = /orders-\d+[/\\]\d+\.log$/.test(path)
    if (created && isData && killer.passes('roll')) killer.kill()
    const isOffsets = /__consumer_offsets-\d+[/\\]\d+\.log$/.test(path)
    return isData || isOffsets ? killingFile(file, killer, isData) : file
  }
  return overridden(inner, { files: overridden(inner.files, { open }) })
}

function killingFile(inner: File, killer: Killer, isData: boolean): File {
  return overridden<File>(inner, {
    write: (chunks, position) => {
      if (killer.passes(isData ? 'torn append' : 'torn commit')) {
        const all = Buffer.concat(chunks)
        inner.write([all.subarray(0, Math.max(1, Math.floor(all.length / 3)))], position)
        killer.kill()
      }
      const dies = killer.passes(isData ? 'append' : 'commit')
      inner.write(chunks, position)
      if (dies) killer.kill()
    },
    sync: () => {
      const dies = killer.passes('flush')
      const flushed = inner.sync()
      if (dies) killer.kill()
      return flushed
    },
  })
}
