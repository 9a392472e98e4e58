import { createRequire } from 'node:module'
import portable from 'crc-32/crc32c.js'

/**
 * Which CRC-32C: Node has none built in (`zlib.crc32` is another polynomial). Measured on Node 24.21, x64, 2 shared
 * cores, ns per call:
 *
 *   bytes             64    128    256    384   1024   64 KiB    1 MiB
 *   @node-rs/crc32   130    142    169    195    292   10,700  168,000   (prebuilt native, SSE 4.2 or ARM CRC)
 *   crc-32            45     82    149    229    565   35,400  576,000   (portable JavaScript, slicing by 16)
 *
 * Native is 2 to 3.5 times as fast where the bytes are many, so it is an optional dependency. It is a call into C++ that
 * costs over 100 ns by itself, so what is small (a commit, a marker) goes to JavaScript even where native is there.
 * WebAssembly (@platformatic/wasm-utils) and other JavaScript were slower than crc-32 from 1 KiB on.
 */
const NATIVE_MIN_BYTES = 256

type Crc32c = (bytes: Uint8Array) => number

/** The check value of CRC-32C: what every implementation gives for the digits 1 to 9. */
const CHECK_INPUT = Buffer.from('123456789')
const CHECK_VALUE = 0xe3069283

const native = loadNative()

/** The package that computes the CRC of larger inputs. */
export const crc32cImplementation: string = native === undefined ? 'crc-32' : '@node-rs/crc32'

/** CRC-32C (Castagnoli) of `bytes`: 0 … 2^32 − 1. */
export function crc32c(bytes: Uint8Array): number {
  if (native === undefined || bytes.length < NATIVE_MIN_BYTES) return portable.buf(bytes) >>> 0
  return native(bytes)
}

/** Undefined where the optional package is missing, has no build for this platform, or does not compute what it should. */
function loadNative(): Crc32c | undefined {
  try {
    const loaded = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c: Crc32c }
    return loaded.crc32c(CHECK_INPUT) === CHECK_VALUE ? loaded.crc32c : undefined
  } catch {
    return undefined
  }
}
