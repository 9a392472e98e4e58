import type { LogConfig } from './log-config.ts'

export interface PartitionLogOptions {
  /** The partition's own directory. */
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly config: LogConfig
  /** From the checkpoint; default: where the files begin. */
  readonly logStartOffset?: number | undefined
  /** From the checkpoint: everything below was flushed. Default 0. */
  readonly recoveryPoint?: number | undefined
  /** Whether the log was closed in order: then only its end is looked at. */
  readonly cleanShutdown: boolean
  /** Makes the directory where there is none, and its name durable. Default false: the caller saw to both. */
  readonly create?: boolean | undefined
  /** The log may have been replaced by an older copy: then it goes on where that ends. Default false. */
  readonly mayBeOlder?: boolean | undefined
  /** Offsets without a batch are right, whatever the config says by now. Default false. */
  readonly wasCompacted?: boolean | undefined
  /** What consumers may see: what survives a power loss (default), or all that was appended. */
  readonly highWatermarkFollows?: 'flush' | 'append' | undefined
}

export interface AppendOptions {
  readonly leaderEpoch: number
  /** Given where the topic's timestamps are LogAppendTime. */
  readonly logAppendTimeMs?: number | undefined
}

export interface AppendedBatches {
  readonly baseOffset: number
  readonly lastOffset: number
}
