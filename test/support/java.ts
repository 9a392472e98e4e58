import { javaProgram, kafkaClassPath } from './kafka-installation.ts'
import { type ProcessResult, type RunOptions, runChecked, runProcess } from './run-process.ts'

/** Kafka's command-line tools by the names of their scripts. */
const TOOLS = {
  'kafka-dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-share-groups': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  'kafka-streams-groups': 'org.apache.kafka.tools.streams.StreamsGroupCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-configs': 'kafka.admin.ConfigCommand',
} as const

export type KafkaTool = keyof typeof TOOLS

export interface JavaOptions extends RunOptions {
  /** Resolve whatever the exit code is. Default false: reject with what the program said. */
  readonly mayFail?: boolean
}

/** Flags for a JVM that lives for a second: one garbage collector thread, the quick compiler only, errors only. */
export const SHORT_LIVED = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
]

/** The arguments of `java` for a class of Kafka's or of test/kafka/java. */
export async function javaArguments(className: string, args: readonly string[]): Promise<string[]> {
  return [...SHORT_LIVED, '-cp', await kafkaClassPath(), className, ...args]
}

/** Runs the main method of a class of Kafka's or of test/kafka/java to its end. */
export async function runJava(
  className: string,
  args: readonly string[],
  options: JavaOptions = {},
): Promise<ProcessResult> {
  const run = options.mayFail ? runProcess : runChecked
  return run(javaProgram('java'), await javaArguments(className, args), options)
}

/** Runs one of Kafka's own tools to its end. */
export function runKafkaTool(
  tool: KafkaTool,
  args: readonly string[],
  options: JavaOptions = {},
): Promise<ProcessResult> {
  return runJava(TOOLS[tool], args, options)
}
