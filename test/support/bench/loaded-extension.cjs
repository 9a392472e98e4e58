/**
 * Loads the files of `dist/` that it is given, one after the other, with a stand-in for VS Code, and prints what each cost:
 * milliseconds of processor time.
 */
const { Module } = require('node:module')
const { join } = require('node:path')

const load = Module._load
const standIn = new Proxy({}, { get: () => class {} })
Module._load = (name, ...rest) => (name === 'vscode' ? standIn : load(name, ...rest))
const costs = process.argv.slice(2).map((name) => {
  const before = process.cpuUsage()
  require(join(__dirname, '../../../dist', name))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
})
process.stdout.write(JSON.stringify(costs))
