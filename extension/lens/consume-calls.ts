import type { ConsumeCall, GroupArgument } from './consume-call.ts'
import { type Origin, Origins } from './origins.ts'
import { isNode, type SyntaxNode, stringOf, walk } from './syntax-node.ts'

/** A file that does not have this in it is not worth parsing. */
const QUICK_LOOK = /\.consume\s*[(<]/

/**
 * The calls of `consume` in a TypeScript or JavaScript file whose receiver comes from `tidemark`, found by parsing, in the
 * order of the file. `undefined`: the text cannot be parsed at the moment, as while somebody types.
 */
export async function findConsumeCalls(text: string, fileName: string): Promise<readonly ConsumeCall[] | undefined> {
  if (!QUICK_LOOK.test(text)) return []
  const file = await parseFile(text, fileName)
  if (file === undefined) return undefined
  const origins = new Origins(file)
  const calls: ConsumeCall[] = []
  walk(file, (node) => {
    const call = consumeCall(node, origins, text)
    if (call !== undefined) calls.push(call)
  })
  return calls.sort((a, b) => a.line - b.line || a.column - b.column)
}

/** Loads the parser, the largest thing there is to load, with the first file that is worth it. */
async function parseFile(text: string, fileName: string): Promise<SyntaxNode | undefined> {
  const { parse } = await import('@babel/parser')
  const isTypeScript = /\.[cm]?tsx?$/.test(fileName)
  const hasTags = !isTypeScript || fileName.endsWith('x')
  try {
    const file: unknown = parse(text, {
      sourceType: 'unambiguous',
      errorRecovery: true,
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
      plugins: [
        ...(isTypeScript ? (['typescript'] as const) : []),
        ...(hasTags ? (['jsx'] as const) : []),
        'decorators',
      ],
    })
    return isNode(file) ? file : undefined
  } catch {
    return undefined
  }
}

function consumeCall(node: SyntaxNode, origins: Origins, text: string): ConsumeCall | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'OptionalCallExpression') return undefined
  const callee = node['callee']
  if (!isNode(callee) || !/^(Optional)?MemberExpression$/.test(callee.type)) return undefined
  const property = callee['property']
  if (!isNode(property) || property['name'] !== 'consume' || callee['computed'] === true) return undefined
  const receiver = origins.of(callee['object'])
  const args = Array.isArray(node['arguments']) ? node['arguments'].filter(isNode) : []
  const options = receiver.kind === 'topic' || args.length === 1 ? args[0] : args[1]
  const group = groupArgument(options, text)
  if (!isOurs(receiver, group)) return undefined
  const start = property.loc.start
  return {
    group: group ?? { kind: 'expression', text: options === undefined ? '' : sourceOf(options, text) },
    topics: receiver.kind === 'topic' ? receiver.topics : topicsOf(args[0], origins),
    line: start.line - 1,
    column: start.column,
  }
}

/** A receiver from elsewhere in the program is taken for ours if it is consumed as one does with us. */
function isOurs(receiver: Origin, group: GroupArgument | undefined): boolean {
  if (receiver.kind === 'topic' || receiver.kind === 'tide') return true
  return receiver.kind === 'unknown' && group !== undefined
}

function groupArgument(options: SyntaxNode | undefined, text: string): GroupArgument | undefined {
  if (options?.type !== 'ObjectExpression') return undefined
  const properties = Array.isArray(options['properties']) ? options['properties'].filter(isNode) : []
  for (const property of properties) {
    const key = property['key']
    if (!isNode(key) || (key['name'] ?? key['value']) !== 'group') continue
    const value = property['value']
    if (!isNode(value)) return undefined
    const name = stringOf(value)
    return name === undefined ? { kind: 'expression', text: sourceOf(value, text) } : { kind: 'literal', name }
  }
  return undefined
}

function topicsOf(node: SyntaxNode | undefined, origins: Origins): readonly string[] {
  if (node?.type !== 'ArrayExpression' || !Array.isArray(node['elements'])) return []
  return node['elements'].flatMap((each) => {
    const origin = origins.of(each)
    return origin.kind === 'topic' ? origin.topics : []
  })
}

function sourceOf(node: SyntaxNode, text: string): string {
  return text.slice(node.start, node.end)
}
