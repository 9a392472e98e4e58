import { kafkaClassPath, kafkaJars, OTHER_BROKERS } from './kafka-installation.ts'
import { runProcess } from './run-process.ts'

/** Before the first Kafka test: the download and the compiler count here, and what is missing is said once. */
export async function setup(): Promise<void> {
  for (const [program, option] of [
    ['javac', '-version'],
    ['mvn', '-version'],
  ] as const) {
    const found = await runProcess(program, [option]).catch(() => undefined)
    if (found?.code !== 0)
      throw new Error(`The Kafka tests need a JDK (17 or newer) and Maven, and ${program} is not there.`)
  }
  await kafkaClassPath()
  for (const version of OTHER_BROKERS) await kafkaJars(version)
}
