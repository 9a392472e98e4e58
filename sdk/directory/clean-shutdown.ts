import type { FileSystem } from '../environment/environment.ts'
import { removeIfThere, replaceText } from './small-file.ts'

/**
 * Kafka's mark of an orderly stop. A broker that finds it does not look at the tails of the logs at all, so it must not
 * outlive the first change: removed before anything is loaded, written last.
 */
export const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'

/** Durable on return: no append can come before it. Returns whether it was there. */
export function removeCleanShutdown(files: FileSystem, directory: string): boolean {
  return removeIfThere(files, directory, CLEAN_SHUTDOWN)
}

export function writeCleanShutdown(files: FileSystem, directory: string): void {
  // −1: the broker epoch is a broker's affair.
  replaceText(files, directory, CLEAN_SHUTDOWN, '{"version":0,"brokerEpoch":-1}')
}
