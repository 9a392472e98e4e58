/** Syntax trees, as loosely as we need them: what has a type and a place. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly loc: { readonly start: { readonly line: number; readonly column: number } }
  readonly [property: string]: unknown
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** What a string literal says, or a template without holes. */
export function stringOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'StringLiteral' && typeof node['value'] === 'string') return node['value']
  if (node.type !== 'TemplateLiteral' || !Array.isArray(node['quasis']) || node['quasis'].length !== 1) return undefined
  const quasi: unknown = node['quasis'][0]
  const value = isNode(quasi) ? (quasi['value'] as { cooked?: unknown } | undefined) : undefined
  return typeof value?.cooked === 'string' ? value.cooked : undefined
}

/** Visits a node and all below it, outer ones first. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node)
  for (const [property, value] of Object.entries(node)) {
    if (property === 'loc' || property === 'extra' || property.endsWith('Comments') || property === 'comments') continue
    const children: readonly unknown[] = Array.isArray(value) ? value : [value]
    for (const child of children) if (isNode(child)) walk(child, visit)
  }
}
