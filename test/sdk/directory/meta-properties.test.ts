import { expect, test } from 'vitest'
import { formatMetaProperties, parseMetaProperties } from '../../../sdk/directory/meta-properties.ts'

const KAFKA = `#
#Tue Nov 24 07:00:00 UTC 2026
node.id=1
directory.id=SdkUZlp8RL-JFk6MdJsTlg
version=1
cluster.id=y_oDLzgGSICjavLUCNOL_g
`

test('what a broker wrote is read, comments and any order of keys included', () => {
  expect(parseMetaProperties(KAFKA, 'x')).toEqual({
    version: 1,
    nodeId: 1,
    clusterId: 'y_oDLzgGSICjavLUCNOL_g',
    directoryId: 'SdkUZlp8RL-JFk6MdJsTlg',
  })
})

test('Java’s liberties are read: other separators, escapes, joined lines, line ends', () => {
  const text = '! c\r\n  version : 1\r\nnode.id 7\r\ncluster.id = a\\=b\\\r\n   c\\u0041\r\ndirectory.id=\r\n'
  expect(parseMetaProperties(text, 'x')).toEqual({ version: 1, nodeId: 7, clusterId: 'a=bcA', directoryId: undefined })
})

test('version 0 names its node broker.id and may have no cluster', () => {
  const found = parseMetaProperties('broker.id=3\nversion=0\n', 'x')
  expect(found).toEqual({ version: 0, nodeId: 3, clusterId: '', directoryId: undefined })
})

test('what we write is what we read', () => {
  const ids = { clusterId: 'y_oDLzgGSICjavLUCNOL_g', nodeId: 1, directoryId: 'SdkUZlp8RL-JFk6MdJsTlg' }
  const text = formatMetaProperties(ids)
  expect(text).toBe('version=1\nnode.id=1\ncluster.id=y_oDLzgGSICjavLUCNOL_g\ndirectory.id=SdkUZlp8RL-JFk6MdJsTlg\n')
  expect(parseMetaProperties(text, 'x')).toEqual({ version: 1, ...ids })
})

test.each([
  ['', 'NOT_A_DATA_DIRECTORY'],
  ['\0\0\0\0', 'NOT_A_DATA_DIRECTORY'],
  ['version=1\ncluster.id=a\n', 'NOT_A_DATA_DIRECTORY'],
  ['version=1\ncluster.id=a\nnode.id=-1\n', 'NOT_A_DATA_DIRECTORY'],
  ['version=1\ncluster.id=a\nnode.id=99999999999\n', 'NOT_A_DATA_DIRECTORY'],
  ['version=1\nnode.id=1\n', 'NOT_A_DATA_DIRECTORY'],
  ['version=2\ncluster.id=a\nnode.id=1\n', 'UNSUPPORTED'],
])('a file that says %j is refused with its path', (text, code) => {
  expect(() => parseMetaProperties(text, '/data/meta.properties')).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining('/data/meta.properties') }),
  )
})
