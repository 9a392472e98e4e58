/**
 * A real Apache Kafka for the tests, out of Maven's repository: see test/kafka/pom.xml. Jars and compiled Java classes
 * are kept in the user's cache folder, so that a fresh checkout does not download them again.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cacheFolder, fillOnce } from '../../scripts/cache-folder.ts'
import { runChecked } from './run-process.ts'

const POM = join(import.meta.dirname, '../kafka/pom.xml')
const JAVA_SOURCES = join(import.meta.dirname, '../kafka/java')

/** `java`, `javac`: from JAVA_HOME where it is set. */
export function javaProgram(name: 'java' | 'javac'): string {
  const home = process.env['JAVA_HOME']
  return home ? join(home, 'bin', name) : name
}

function hashOf(contents: readonly string[]): string {
  const hash = createHash('sha256')
  for (const content of contents) hash.update(content)
  return hash.digest('hex').slice(0, 12)
}

/** Brokers of other versions that directories are read from and taken over; their tools and clients are not there. */
export const OTHER_BROKERS = ['3.9.1', '4.4.0'] as const
export type BrokerVersion = (typeof OTHER_BROKERS)[number]

/**
 * The folder with Kafka's jars, or those of another version's broker; downloads them (54 MB, some seconds) when the cache
 * has none of this version.
 */
export function kafkaJars(other?: BrokerVersion): Promise<string> {
  const pom = readFileSync(POM, 'utf8')
  const version = other ?? /<kafka\.version>(.*?)<\/kafka\.version>/.exec(pom)?.[1]
  const chosen = other === undefined ? [] : [`-Dkafka.version=${other}`]
  return fillOnce(join(cacheFolder(), `kafka-${version}-${hashOf([pom])}`), (folder) =>
    runChecked(
      process.platform === 'win32' ? 'mvn.cmd' : 'mvn',
      // biome-ignore format: one flag beside the other
      ['-q', '-B', '-f', POM, ...chosen, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`, '-DincludeScope=runtime'],
      { timeoutMs: 300_000 },
    ),
  )
}

/** The classes of test/kafka/java, compiled once per content. */
async function testClasses(jars: string): Promise<string> {
  const sources = readdirSync(JAVA_SOURCES)
    .filter((name) => name.endsWith('.java'))
    .sort()
    .map((name) => join(JAVA_SOURCES, name))
  const key = hashOf([jars, ...sources.map((source) => readFileSync(source, 'utf8'))])
  return fillOnce(join(cacheFolder(), `classes-${key}`), (folder) =>
    runChecked(javaProgram('javac'), ['-encoding', 'UTF-8', '-cp', join(jars, '*'), '-d', folder, ...sources]),
  )
}

/** What `java -cp` takes for a broker. */
export async function brokerClassPath(other?: BrokerVersion): Promise<string> {
  return other === undefined ? await kafkaClassPath() : join(await kafkaJars(other), '*')
}

let classPath: Promise<string> | undefined

/** What `java -cp` takes: Kafka's jars and our classes. */
export function kafkaClassPath(): Promise<string> {
  classPath ??= kafkaJars().then(async (jars) => [join(jars, '*'), await testClasses(jars)].join(delimiter))
  return classPath
}
