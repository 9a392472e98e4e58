import { isNode, type SyntaxNode, stringOf, walk } from './syntax-node.ts'

/**
 * Where a value comes from: an opened directory, a topic handle (`topics`: its name, if the file says it), another
 * package, or elsewhere in the program.
 */
export type Origin =
  | { readonly kind: 'tide' }
  | { readonly kind: 'topic'; readonly topics: readonly string[] }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unknown' }

const UNKNOWN: Origin = { kind: 'unknown' }
const PACKAGE = 'tidemark'

/**
 * Follows names of one file to where their values come from. By name, not by scope: two variables of one name in a file
 * are taken for one, which at worst gives a lens too many.
 */
export class Origins {
  /** Names that stand for exports of `tidemark`: local name → exported name ('*' for the module itself). */
  readonly #imported = new Map<string, string>()
  readonly #foreign = new Set<string>()
  readonly #initial = new Map<string, SyntaxNode>()
  readonly #annotated = new Map<string, string>()

  constructor(file: SyntaxNode) {
    walk(file, (node) => this.#learn(node))
  }

  /** Where the value of an expression comes from. */
  of(node: unknown, depth = 0): Origin {
    // A variable may be initialised with itself.
    if (!isNode(node) || depth > 20) return UNKNOWN
    const next = depth + 1
    switch (node.type) {
      case 'AwaitExpression':
        return this.of(node['argument'], next)
      case 'TSNonNullExpression':
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'ParenthesizedExpression':
        return this.of(node['expression'], next)
      case 'Identifier':
        return this.#ofName(String(node['name']), next)
      case 'MemberExpression':
      case 'OptionalMemberExpression':
        return this.#ofMember(node, next)
      case 'CallExpression':
      case 'OptionalCallExpression':
        return this.#ofCall(node, next)
      default:
        return UNKNOWN
    }
  }

  #learn(node: SyntaxNode): void {
    if (node.type === 'ImportDeclaration') this.#learnImport(node)
    if (node.type === 'VariableDeclarator') this.#learnVariable(node['id'], node['init'])
    if (node.type === 'AssignmentExpression') this.#learnAssignment(node)
    if (/^(Class|ClassPrivate|ClassAccessor)Property$/.test(node.type)) this.#learnProperty(node)
    if (node.type === 'Identifier') this.#learnAnnotation(node)
  }

  #learnImport(node: SyntaxNode): void {
    const source = stringOf(node['source']) ?? ''
    const specifiers = Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : []
    for (const specifier of specifiers) {
      const local = nameOf(specifier['local'])
      if (local === undefined) continue
      if (source === PACKAGE) this.#imported.set(local, nameOf(specifier['imported']) ?? '*')
      else if (!source.startsWith('.') && !source.startsWith('/')) this.#foreign.add(local)
    }
  }

  #learnVariable(id: unknown, init: unknown): void {
    if (!isNode(id) || !isNode(init)) return
    const source = requiredModule(init)
    if (id.type === 'ObjectPattern' && source !== undefined) {
      const properties = Array.isArray(id['properties']) ? id['properties'].filter(isNode) : []
      for (const property of properties) {
        const local = nameOf(property['value'])
        if (local === undefined) continue
        if (source === PACKAGE) this.#imported.set(local, nameOf(property['key']) ?? '*')
        else if (!source.startsWith('.')) this.#foreign.add(local)
      }
      return
    }
    const name = nameOf(id)
    if (name === undefined) return
    if (source === PACKAGE) this.#imported.set(name, '*')
    else if (source !== undefined && !source.startsWith('.')) this.#foreign.add(name)
    else if (!this.#initial.has(name)) this.#initial.set(name, init)
  }

  #learnAssignment(node: SyntaxNode): void {
    const name = memberName(node['left']) ?? nameOf(node['left'])
    const value = node['right']
    if (name !== undefined && isNode(value) && !this.#initial.has(name)) this.#initial.set(name, value)
  }

  #learnProperty(node: SyntaxNode): void {
    const key = node['key']
    const name = nameOf(key) ?? (isNode(key) ? nameOf(key['id']) : undefined)
    if (name === undefined) return
    if (isNode(node['value']) && !this.#initial.has(name)) this.#initial.set(name, node['value'])
    const type = annotatedType(node)
    if (type !== undefined) this.#annotated.set(name, type)
  }

  #learnAnnotation(node: SyntaxNode): void {
    const type = annotatedType(node)
    if (type !== undefined) this.#annotated.set(String(node['name']), type)
  }

  #ofName(name: string, depth: number): Origin {
    if (this.#foreign.has(name)) return { kind: 'foreign' }
    const type = this.#annotated.get(name)
    if (type !== undefined) {
      const exported = this.#imported.get(type) ?? type
      if (exported === 'Tidemark') return { kind: 'tide' }
      if (exported === 'Topic') return { kind: 'topic', topics: [] }
    }
    const initial = this.#initial.get(name)
    return initial === undefined ? UNKNOWN : this.of(initial, depth)
  }

  #ofMember(node: SyntaxNode, depth: number): Origin {
    const name = memberName(node)
    // `this.payments` and `deps.payments` are followed by the name of the property.
    if (name === undefined) return UNKNOWN
    const object = this.of(node['object'], depth)
    if (object.kind === 'foreign') return object
    return this.#ofName(name, depth)
  }

  #ofCall(node: SyntaxNode, depth: number): Origin {
    const callee = node['callee']
    if (!isNode(callee)) return UNKNOWN
    if (callee.type === 'Identifier') {
      const name = String(callee['name'])
      if (this.#imported.get(name) === 'open') return { kind: 'tide' }
      return this.#foreign.has(name) ? { kind: 'foreign' } : UNKNOWN
    }
    const method = memberName(callee)
    const object = callee['object']
    if (method === 'open' && isNode(object) && this.#imported.get(nameOf(object) ?? '') === '*') return { kind: 'tide' }
    const receiver = this.of(object, depth)
    if (receiver.kind === 'foreign') return receiver
    if (method !== 'topic' || receiver.kind === 'topic') return UNKNOWN
    const first: unknown = Array.isArray(node['arguments']) ? node['arguments'][0] : undefined
    const name = stringOf(first)
    if (receiver.kind === 'unknown' && name === undefined) return UNKNOWN
    return { kind: 'topic', topics: name === undefined ? [] : [name] }
  }
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'AssignmentPattern') return nameOf(node['left'])
  if (node.type === 'TSParameterProperty') return nameOf(node['parameter'])
  if (node.type === 'StringLiteral') return stringOf(node)
  return node.type === 'Identifier' && typeof node['name'] === 'string' ? node['name'] : undefined
}

/** The `payments` of `this.payments`, `this.#payments` and `deps.payments`. */
function memberName(node: unknown): string | undefined {
  if (!isNode(node) || !/^(Optional)?MemberExpression$/.test(node.type) || node['computed'] === true) return undefined
  const property = node['property']
  return nameOf(property) ?? (isNode(property) ? nameOf(property['id']) : undefined)
}

/** The module of `require('…')` and `await import('…')`. */
function requiredModule(node: SyntaxNode): string | undefined {
  const call = node.type === 'AwaitExpression' ? node['argument'] : node
  if (!isNode(call)) return undefined
  if (call.type === 'ImportExpression') return stringOf(call['source'])
  if (call.type !== 'CallExpression' || !isNode(call['callee'])) return undefined
  const isRequire = call['callee'].type === 'Import' || nameOf(call['callee']) === 'require'
  return isRequire && Array.isArray(call['arguments']) ? stringOf(call['arguments'][0]) : undefined
}

/** The `Topic` of `payments: Topic<'payments', …>`. */
function annotatedType(node: SyntaxNode): string | undefined {
  const annotation = node['typeAnnotation']
  const type = isNode(annotation) ? annotation['typeAnnotation'] : undefined
  return isNode(type) && type.type === 'TSTypeReference' ? nameOf(type['typeName']) : undefined
}
