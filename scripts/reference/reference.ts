import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Logger, LogLevel, type ProjectReflection, type TypeDocOptions } from 'typedoc'
import type { PluginOptions } from 'typedoc-plugin-markdown'
import { ERRORS } from '../../sdk/errors.ts'

const ENTRIES = ['sdk/index.ts', 'sdk/inspect.ts', 'sdk/testing.ts']
/** Said where they are used, or found only inside of the product. */
const NOT_EXPORTED = ['ERRORS', 'Machine', 'NamedPartition', 'Serdes', 'SchemaResult', 'CodecName']

const OPTIONS: TypeDocOptions & Partial<PluginOptions> = {
  plugin: ['typedoc-plugin-markdown'],
  readme: 'none',
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  intentionallyNotExported: NOT_EXPORTED,
  validation: { notDocumented: true, notExported: true, invalidLink: true },
  kindSortOrder: ['Function', 'Class', 'Variable', 'Interface', 'TypeAlias'],
  outputFileStrategy: 'modules',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  hideGroupHeadings: true,
  useCodeBlocks: true,
  classPropertiesFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  parametersFormat: 'table',
  tableColumnSettings: {
    hideDefaults: true,
    hideInherited: true,
    hideModifiers: true,
    hideOverrides: true,
    hideSources: true,
  },
}

/** What the docstrings of the public names say, as pages. */
export class Reference {
  /** Public names without a docstring, and whatever else is not as it should be. */
  readonly problems: readonly string[]
  readonly #app: Application
  readonly #project: ProjectReflection

  private constructor(app: Application, project: ProjectReflection, problems: readonly string[]) {
    this.#app = app
    this.#project = project
    this.problems = problems
  }

  static async of(root: string): Promise<Reference> {
    const app = await Application.bootstrapWithPlugins({
      ...OPTIONS,
      entryPoints: ENTRIES.map((path) => join(root, path)),
      tsconfig: join(root, 'tsconfig.json'),
    } as TypeDocOptions)
    const logger = new Problems()
    app.logger = logger
    const project = await app.convert()
    if (project === undefined) throw new Error(`TypeDoc could not read the sources:\n${logger.found.join('\n')}`)
    app.validate(project)
    return new Reference(app, project, logger.found)
  }

  async write(folder: string): Promise<void> {
    await this.#app.outputs.writeOutput({ name: 'markdown', path: folder }, this.#project)
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!path.endsWith('.md')) continue
      const file = join(folder, path)
      writeFileSync(file, withErrorCodes(readFileSync(file, 'utf8')).replace(/[ \t]+$/gm, ''))
    }
  }
}

class Problems extends Logger {
  readonly found: string[] = []

  override log(message: string, level: LogLevel): void {
    // What stands in a type without a name is told by the docstring of what has that type.
    if (level >= LogLevel.Warn && !message.includes('.__type')) this.found.push(message)
  }
}

/** The table of codes once, and the name of it wherever TypeDoc spells out all of them. */
function withErrorCodes(page: string): string {
  const codes = Object.keys(ERRORS)
  const cell = codes.map((code) => `\\| \`"${code}"\``).join(' ')
  const rows = Object.entries(ERRORS).map(
    ([code, { retriable, description }]) => `| \`${code}\` | ${description} | ${retriable ? 'yes' : ''} |`,
  )
  const table = ['| Code | What happened | Worth trying again |', '| ------ | ------ | ------ |', ...rows].join('\n')
  return page.replaceAll(cell, '[`ErrorCode`](#errorcode)').replace(/```ts\ntype ErrorCode =[^`]*```/, table)
}
