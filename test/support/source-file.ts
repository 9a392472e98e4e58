/** A source file as test/tidy.test.ts judges it: what it imports, exports and uses, and how long its functions are. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parse } from '@babel/parser'

export const ROOT = join(import.meta.dirname, '../..')

export interface SourceImport {
  /** As written: `node:zlib`, or relative ones resolved to a path from the root. */
  readonly target: string
  /** Imported names; empty for a namespace, a default or a dynamic import. */
  readonly names: readonly string[]
}

/** Syntax nodes are walked by their shape: any object with a `type`. */
interface Node {
  readonly type: string
  readonly loc?: { readonly start: { readonly line: number }; readonly end: { readonly line: number } }
  readonly [field: string]: unknown
}

const FUNCTIONS =
  /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression|ClassMethod|ClassPrivateMethod|ObjectMethod)$/

export class SourceFile {
  readonly lines: number
  readonly imports: SourceImport[] = []
  /** Exported names of values and of types. */
  readonly exports = { values: new Set<string>(), types: new Set<string>() }
  readonly functions: { readonly line: number; readonly lines: number }[] = []
  /** Globals and members as they are used, with their lines: `process`, `Date.now`, `new Date`. */
  readonly uses: { readonly name: string; readonly line: number }[] = []
  /** Names that the file itself gives to something: there they are no globals. */
  readonly bound = new Set<string>()
  readonly comments: { readonly text: string; readonly line: number }[]
  readonly path: string

  constructor(path: string) {
    this.path = path
    const text = readFileSync(join(ROOT, path), 'utf8')
    this.lines = text.replace(/\n$/, '').split('\n').length
    // The compiler judges what is wrong inside; here it is enough that the text can be read.
    const tree = parse(text, { sourceType: 'module', plugins: ['typescript', 'decorators'], errorRecovery: true })
    this.comments = (tree.comments ?? []).map((comment) => ({
      text: comment.value,
      line: comment.loc?.start.line ?? 0,
    }))
    this.#walk(tree.program as unknown as Node, undefined, '')
  }

  #walk(node: Node, parent: Node | undefined, field: string): void {
    this.#note(node, parent, field)
    for (const [name, child] of Object.entries(node)) {
      for (const each of Array.isArray(child) ? child : [child]) if (isNode(each)) this.#walk(each, node, name)
    }
  }

  #note(node: Node, parent: Node | undefined, field: string): void {
    const line = lineOf(node)
    if (FUNCTIONS.test(node.type)) this.functions.push({ line, lines: (node.loc?.end.line ?? line) - line + 1 })
    if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) this.#noteImport(node)
    if (/^(ImportExpression|TSImportType)$/.test(node.type)) this.#noteImport(node)
    if (node.type === 'ExportNamedDeclaration') this.#noteExports(node)
    if (node.type === 'Identifier' && isReference(parent, field)) this.uses.push({ name: textOf(node), line })
    if (node.type === 'Identifier' && isBinding(parent, field)) this.bound.add(textOf(node))
    if (node.type === 'MemberExpression' && isNode(node['object']) && isNode(node['property'])) {
      this.uses.push({ name: `${textOf(node['object'])}.${textOf(node['property'])}`, line })
    }
    if (node.type === 'NewExpression' && isNode(node['callee']) && (node['arguments'] as unknown[]).length === 0) {
      this.uses.push({ name: `new ${textOf(node['callee'])}`, line })
    }
  }

  #noteImport(node: Node): void {
    const source = node['source'] ?? node['argument']
    if (!isNode(source)) return
    const literal = isNode(source['literal']) ? source['literal'] : source
    const target = String(literal['value'])
    const specifiers = Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : []
    this.imports.push({
      target: target.startsWith('.') ? posix.join(posix.dirname(this.path), target) : target,
      names: specifiers.map((specifier) => nameOf(specifier['imported'] ?? specifier['local'])),
    })
  }

  #noteExports(node: Node): void {
    for (const specifier of (node['specifiers'] as unknown[]).filter(isNode)) {
      const isType = node['exportKind'] === 'type' || specifier['exportKind'] === 'type'
      this.exports[isType ? 'types' : 'values'].add(nameOf(specifier['exported']))
    }
    const declared = node['declaration']
    if (!isNode(declared)) return
    const isType = /^TS(Interface|TypeAlias)Declaration$/.test(declared.type)
    const declarators = Array.isArray(declared['declarations']) ? declared['declarations'].filter(isNode) : [declared]
    for (const each of declarators) this.exports[isType ? 'types' : 'values'].add(nameOf(each['id']))
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** An identifier that stands for a variable, rather than being the name of a member, a key, a type or a parameter. */
function isReference(parent: Node | undefined, field: string): boolean {
  if (parent === undefined) return false
  if (/^(Optional)?MemberExpression$/.test(parent.type)) return field === 'object' || parent['computed'] === true
  if (/^TS/.test(parent.type)) return /^TS(As|Satisfies|NonNull|Instantiation)Expression$/.test(parent.type)
  if (/^(Object|Class)(Private)?(Property|Method|AccessorProperty)$/.test(parent.type)) return field === 'value'
  if (FUNCTIONS.test(parent.type)) return field === 'body'
  return !/(Specifier|PrivateName)$/.test(parent.type)
}

function isBinding(parent: Node | undefined, field: string): boolean {
  if (parent === undefined) return false
  if (FUNCTIONS.test(parent.type)) return field === 'params' || field === 'id'
  if (parent.type === 'VariableDeclarator') return field === 'id'
  if (parent.type === 'AssignmentPattern') return field === 'left'
  return /^(Import\w*Specifier|CatchClause|RestElement|ArrayPattern)$/.test(parent.type) || parent['shorthand'] === true
}

function lineOf(node: Node): number {
  return node.loc?.start.line ?? 0
}

function nameOf(node: unknown): string {
  return isNode(node) ? textOf(node) : ''
}

function textOf(node: Node): string {
  return String(node['name'] ?? node['value'] ?? '')
}

/** All files below `folder`, as paths from the root with forward slashes, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(ROOT.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

const parsed = new Map<string, SourceFile>()

/** The TypeScript files below `folder`, parsed. */
export function sourcesBelow(folder: string): SourceFile[] {
  return filesBelow(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const source = parsed.get(path) ?? new SourceFile(path)
      parsed.set(path, source)
      return source
    })
}
