import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import { readText } from './small-file.ts'

export const META_PROPERTIES = 'meta.properties'

/** Who a directory belongs to: Kafka's `meta.properties`. */
export interface MetaProperties {
  /** 1; 0 in directories of brokers that needed ZooKeeper. */
  readonly version: 0 | 1
  readonly clusterId: string
  readonly nodeId: number
  /** Absent in directories written before Kafka 3.7. */
  readonly directoryId: string | undefined
}

/** Undefined where `directory` has no such file. Throws NOT_A_DATA_DIRECTORY where it is damaged. */
export function readMetaProperties(environment: Environment, directory: string): MetaProperties | undefined {
  const path = environment.files.join(directory, META_PROPERTIES)
  const text = readText(environment.files, path)
  return text === undefined ? undefined : parseMetaProperties(text, path)
}

/** `path` is for messages only. */
export function parseMetaProperties(text: string, path: string): MetaProperties {
  const properties = parseProperties(text)
  const damaged = (why: string): TidemarkError =>
    new TidemarkError('NOT_A_DATA_DIRECTORY', `${path} is damaged: ${why}. Restore it from a copy.`)
  const versionText = properties.get('version')
  if (versionText === undefined) throw damaged('it has no "version"')
  if (versionText !== '0' && versionText !== '1') {
    throw new TidemarkError(
      'UNSUPPORTED',
      `${path} has version ${JSON.stringify(versionText)}; known are 0 and 1. A newer Kafka may have written it.`,
    )
  }
  const version = versionText === '0' ? 0 : 1
  const idName = version === 0 ? 'broker.id' : 'node.id'
  const nodeIdText = properties.get(idName) ?? ''
  if (!/^\d{1,10}$/.test(nodeIdText) || Number(nodeIdText) > 0x7fffffff) throw damaged(`it has no valid "${idName}"`)
  const clusterId = properties.get('cluster.id')
  if (version === 1 && !clusterId) throw damaged('it has no "cluster.id"')
  return {
    version,
    clusterId: clusterId ?? '',
    nodeId: Number(nodeIdText),
    directoryId: properties.get('directory.id') || undefined,
  }
}

export function formatMetaProperties(properties: { clusterId: string; nodeId: number; directoryId: string }): string {
  const { clusterId, nodeId, directoryId } = properties
  return `version=1\nnode.id=${nodeId}\ncluster.id=${clusterId}\ndirectory.id=${directoryId}\n`
}

/** Java's format of properties. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  // A backslash at the end of a line joins it with the next, without the space that begins that one.
  const joined = text.replace(/(?<!\\)((?:\\\\)*)\\(?:\r\n|\r|\n)[ \t\f]*/g, '$1')
  for (const line of joined.split(/[\r\n]+/)) {
    const parts = /^[ \t\f]*((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)$/.exec(line)
    if (parts === null || /^[ \t\f]*[#!]/.test(line) || line.trim() === '') continue
    properties.set(unescaped(parts[1]!), unescaped(parts[2]!))
  }
  return properties
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_whole, unicode: string | undefined, character: string) =>
    unicode === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(unicode, 16)),
  )
}
