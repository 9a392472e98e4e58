/** All that a test of test/kafka needs of a real Apache Kafka. */
export { type DumpedBatch, type DumpedFile, type DumpedRecord, dumpLogSegments, type LogDump } from './dump-log.ts'
export { runJava, runKafkaTool } from './java.ts'
export {
  BrokerFailed,
  type BrokerOptions,
  complaints,
  formatDirectory,
  type KafkaBroker,
  startBroker,
} from './kafka-broker.ts'
export { type JavaClients, type JavaGroup, type JavaMember, javaClients } from './kafka-clients.ts'
export { consumerGroups, type GroupRow, streamsGroups } from './kafka-consumer-groups.ts'
export { type BrokerVersion, kafkaJars, OTHER_BROKERS } from './kafka-installation.ts'
