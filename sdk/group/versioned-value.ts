import { TidemarkError } from '../errors.ts'
import { ByteReader } from '../record/byte-reader.ts'
import { ByteWriter } from '../record/byte-writer.ts'

/** The value of a group record, version 0: the version, the fields of `write`, and last the tagged fields. */
export function encodeValue(write: (writer: ByteWriter) => void, tagged?: ReadonlyMap<number, Uint8Array>): Buffer {
  const writer = new ByteWriter(128).i16(0)
  write(writer)
  return writer.taggedFields(tagged).toBuffer()
}

/** A reader behind the version. Throws UNSUPPORTED for versions above 0, which nobody writes yet. */
export function valueReader(value: Buffer, what: string): ByteReader {
  const reader = new ByteReader(value, what)
  const version = reader.i16()
  if (version !== 0) {
    throw new TidemarkError(
      'UNSUPPORTED',
      `${what} has version ${version}, only 0 is understood: a newer Kafka wrote it.`,
    )
  }
  return reader
}
