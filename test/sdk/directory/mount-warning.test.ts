import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MemoryEnvironment } from '../../../sdk/environment/memory-environment.ts'
import { nodeEnvironment } from '../../../sdk/environment/node-environment.ts'
import { open } from '../../../sdk/open.ts'

test('a directory on a network is opened with a warning that names it and says what to do', async () => {
  const environment = new MemoryEnvironment({ mount: { kind: 'network', name: 'NFS' } })
  await using tide = await open('/srv/data', { environment })
  await tide.topic('payments').send({ value: Buffer.from('12') })
  expect(environment.warnings).toEqual([
    {
      code: 'TIDEMARK_NETWORK_FILE_SYSTEM',
      message:
        '/srv/data lies on a network file system (NFS). Its lock may not keep a program on another machine out, and what it calls flushed may be lost. Keep the directory on a disk of this machine.',
    },
  ])
})

test("a directory in a container's own file system is opened with a warning that it goes with it", async () => {
  const environment = new MemoryEnvironment({ mount: { kind: 'container', name: 'overlay' } })
  await using tide = await open('/app/data', { environment })
  expect(tide.kind).toBe('owner')
  expect(environment.warnings.map(({ code }) => code)).toEqual(['TIDEMARK_CONTAINER_FILE_SYSTEM'])
})

test('whoever only reads is not warned, nor is who has a disk', async () => {
  const mounted = new MemoryEnvironment({ mount: { kind: 'network', name: 'NFS' } })
  await (await open('/srv/data', { environment: mounted })).close()
  const reader = mounted.anotherProcess()
  await using tide = await open('/srv/data', { environment: reader, readOnly: true })
  expect(tide.kind).toBe('follower')
  expect(reader.warnings).toEqual([])
  const plain = new MemoryEnvironment()
  await (await open('/srv/data', { environment: plain })).close()
  expect(plain.warnings).toEqual([])
})

test('a path that is still to be made is looked at by what is above it, and temporary files are nobody’s worry', () => {
  const { files } = nodeEnvironment()
  const mount = files.mount(join(tmpdir(), 'not-there', 'data'))
  expect(mount?.kind).not.toBe('container')
  expect(files.mount(tmpdir())).toEqual(mount)
})
