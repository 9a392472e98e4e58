import type { FileSystem } from '../environment/environment.ts'
import { readText, removeIfThere, replaceText } from './small-file.ts'

/**
 * Kafka's mark of an orderly stop. A broker that finds it does not look at the tails of the logs at all, so it must not
 * outlive the first change: removed before anything is loaded, written last.
 */
export const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'

/** Durable on return: no append can come before it. Returns what it said, undefined where it was not there. */
export function takeCleanShutdown(files: FileSystem, directory: string): string | undefined {
  const text = readText(files, files.join(directory, CLEAN_SHUTDOWN))
  return removeIfThere(files, directory, CLEAN_SHUTDOWN) ? text : undefined
}

/** `text`: what the mark said before, where nothing was changed since. */
export function writeCleanShutdown(files: FileSystem, directory: string, text = OURS): void {
  replaceText(files, directory, CLEAN_SHUTDOWN, text)
}

/** −1: the broker epoch is a broker's affair. */
const OURS = '{"version":0,"brokerEpoch":-1}'
