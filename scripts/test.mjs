/**
 * `npm test`: sets up, then types, lint, build and every test.
 *   npm test -- --core          leaves out what needs more than Node: Kafka's tools and broker, VS Code
 *   npm test -- test/sdk/log    only these tests, and none of the other checks; any argument of vitest's goes
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, pathWith, ROOT, runWith, setUp } from './setup.mjs'
import { announce, StepFailed, step } from './step.mjs'

const given = process.argv.slice(2)
const core = given.includes('--core')
const forVitest = given.filter((argument) => argument !== '--core')
const inCi = Boolean(process.env.CI) && process.env.CI !== 'false'

/** The vitest projects that need more than Node. */
const OPTIONAL = [
  { project: 'shells', folder: 'shells', ensure: 'ensureShells' },
  { project: 'kafka', folder: 'kafka', ensure: 'ensureKafkaPrograms' },
  { project: 'extension-host', folder: 'extension', ensure: 'ensureWorkbenchPrograms' },
  { project: 'workbench', folder: 'extension', ensure: 'ensureWorkbenchPrograms' },
]

await main(async () => {
  const node = await setUp()
  // The rest of this script may use what the pinned Node has.
  if (node !== process.execPath) return await runWith(node, ['scripts/test.mjs', ...given])
  try {
    return await test(node)
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    console.error(`✗ ${error.message}`)
    console.log('0 passed, 1 failed')
    return 1
  }
})

async function test(node) {
  const out = await leftOut()
  const options = { cwd: ROOT, env: { ...process.env, PATH: pathWith(node) } }
  const program = (name) => join(ROOT, 'node_modules', name)
  if (forVitest.length === 0) {
    await step('types: tsc', node, [program('typescript/bin/tsc'), '-p', '.'], options)
    await step(
      'lint and format: biome',
      node,
      [program('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'],
      options,
    )
    await step('build', node, ['scripts/build.mjs'], options)
  }
  announce(forVitest.length === 0 ? 'tests: vitest' : `tests: vitest ${forVitest.join(' ')}`)
  const projects = out.flatMap(({ project }) => ['--project', `!${project}`])
  const results = await vitest(node, program('vitest/vitest.mjs'), [...projects, ...forVitest], options)
  for (const { project, why } of out) announce(`The tests of ${project} were left out: ${why}`)
  return judge(results)
}

/** The projects that are not run, and why. In CI nothing may be left out without being asked. */
async function leftOut() {
  if (core) return OPTIONAL.map(({ project }) => ({ project, why: '--core needs nothing but Node' }))
  // Node 20, which may have started us, cannot load what knows about VS Code.
  const programs = await import('./system-packages.mjs')
  const paths = forVitest.filter((argument) => !argument.startsWith('-'))
  const out = []
  for (const { project, folder, ensure } of OPTIONAL) {
    if (paths.length > 0 && !paths.some((path) => path.includes(folder))) continue
    const why = await programs[ensure]()
    if (why && inCi) throw new StepFailed(`The tests of ${project} cannot run. ${why}`)
    if (why) out.push({ project, why })
  }
  return out
}

/** Runs vitest on our terminal; its JSON report is what is counted. */
async function vitest(node, program, args, options) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tests-'))
  const report = join(folder, 'report.json')
  try {
    const code = await runWith(
      node,
      [program, 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      options.env,
    )
    return { code, report: readReport(report) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // vitest did not get as far as a report; its exit code says the rest.
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
  }
}

function judge({ code, report }) {
  const skipped = report.numPendingTests + report.numTodoTests
  // A file that does not load, or an error between tests, fails no test of its own.
  const failed = Math.max(report.numFailedTests, code === 0 ? 0 : 1)
  const forbidden = inCi && skipped > 0
  if (forbidden) console.error(`✗ In CI no test may be skipped:\n${skippedNames(report).join('\n')}`)
  const total = failed + (forbidden ? skipped : 0)
  console.log(
    `${report.numPassedTests} passed, ${total} failed${skipped > 0 && !forbidden ? `, ${skipped} skipped` : ''}`,
  )
  return total > 0 ? 1 : 0
}

function skippedNames(report) {
  const all = report.testResults.flatMap((file) => file.assertionResults)
  return all.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => `  ${test.fullName}`)
}
