/** The part of the Standard Schema specification (zod, valibot, arktype, …) that Tidemark uses. */
export interface StandardSchema<In = unknown, Out = In> {
  /** What the specification puts there; Tidemark calls `validate`, which has to answer at once. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Validates at once. Throws an `Error` that names every issue, and where in the value it is. */
export function validateNow<Out>(schema: StandardSchema<unknown, Out>, value: unknown): Out {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new Error(
      'The schema validates asynchronously, but a record is encoded and decoded at once. Use a schema without ' +
        'asynchronous checks, and do those in the loop.',
    )
  }
  if (result.issues !== undefined) throw new Error(result.issues.map(describeIssue).join('; '))
  return result.value
}

function describeIssue(issue: SchemaIssue): string {
  const path = (issue.path ?? [])
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
