import { realpathSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Mount } from './environment.ts'

/** File systems by the number that Linux gives them (statfs(2), linux/magic.h). */
const LINUX_MOUNTS: ReadonlyMap<number, Mount> = new Map([
  [0x6969, network('NFS')],
  [0x517b, network('SMB')],
  [0xfe534d42, network('SMB')],
  [0xff534d42, network('CIFS')],
  [0x01021997, network('9p, as WSL mounts the disks of Windows')],
  [0x65735546, network('FUSE, as sshfs, s3fs and Docker Desktop use it')],
  [0x786f4256, network('a shared folder of VirtualBox')],
  [0x00c36400, network('CephFS')],
  [0x5346414f, network('AFS')],
  [0x0bd00bd0, network('Lustre')],
  [0x47504653, network('GPFS')],
  [0x794c7630, { kind: 'container', name: 'overlay' }],
])

function network(name: string): Mount {
  return { kind: 'network', name }
}

/** Linux tells it by a number, Windows by how the path begins; macOS by neither. */
export function mountOf(path: string): Mount | undefined {
  const existing = nearestExisting(path)
  if (process.platform === 'win32') return existing.startsWith('\\\\') ? network('SMB') : undefined
  if (process.platform !== 'linux') return undefined
  const mount = LINUX_MOUNTS.get(statfsSync(existing).type)
  // What is put among temporary files is not meant to stay.
  return mount?.kind === 'container' && isBelow(existing, tmpdir()) ? undefined : mount
}

function nearestExisting(path: string): string {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      return realpathSync.native(at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw error
    }
  }
}

function isBelow(path: string, folder: string): boolean {
  return !relative(folder, path).split(sep).includes('..')
}
