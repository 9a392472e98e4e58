import {
  gunzipSync,
  gzipSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { TidemarkError } from '../errors.ts'
import { decompressLz4 } from './lz4.ts'
import { compressLz4 } from './lz4-writer.ts'
import { decompressSnappy } from './snappy.ts'
import { compressSnappy } from './snappy-writer.ts'

export type CodecName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** Codec names by the number that a batch's attributes hold. */
export const CODECS: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/**
 * How much one batch may hold once decompressed. By Kafka's defaults a batch is at most 1 MiB on disk and is filled by its
 * uncompressed size, so 256 MiB leaves room for raised limits and very good ratios, while a decompression bomb (zstd
 * makes 1 GiB of 32 KiB) cannot take the process down.
 */
export const MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024

/** zlib's default piece of output; larger pieces make small batches slower and large ones up to a third faster. */
const SMALL_CHUNK_BYTES = 16 * 1024
const LARGE_CHUNK_BYTES = 256 * 1024

/**
 * Undoes a batch's codec; 'none' gives `bytes` themselves. Memory is bounded by `maxBytes` (default 256 MiB).
 * Throws CORRUPT_BATCH when the bytes are damaged or hold more than that.
 */
export function decompress(codec: CodecName, bytes: Buffer, maxBytes: number = MAX_DECOMPRESSED_BYTES): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return decompressZlib(codec, gunzipSync, bytes, maxBytes)
    case 'snappy':
      return decompressSnappy(bytes, maxBytes)
    case 'lz4':
      return decompressLz4(bytes, maxBytes)
    case 'zstd':
      return decompressZlib(codec, zstdDecompressSync, bytes, maxBytes)
  }
}

/** Compresses as Kafka's Java client does by default: gzip at level 6, zstd at level 3, snappy framed as by snappy-java. */
export function compress(codec: Exclude<CodecName, 'none'>, bytes: Buffer): Buffer {
  switch (codec) {
    case 'gzip':
      return gzipSync(bytes)
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    case 'zstd':
      return zstdCompressSync(bytes)
  }
}

function decompressZlib(
  codec: CodecName,
  decompressSync: (bytes: Buffer, options: ZlibOptions & ZstdOptions) => Buffer,
  bytes: Buffer,
  maxBytes: number,
): Buffer {
  const chunkSize = bytes.length < SMALL_CHUNK_BYTES ? SMALL_CHUNK_BYTES : LARGE_CHUNK_BYTES
  try {
    return decompressSync(bytes, { chunkSize, maxOutputLength: maxBytes })
  } catch (cause) {
    const tooLong = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    const reason = tooLong ? `it holds more than the ${maxBytes} bytes allowed` : (cause as Error).message
    throw new TidemarkError('CORRUPT_BATCH', `${codec}: ${reason}`, { cause })
  }
}
