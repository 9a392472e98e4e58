/** Loads the extension of `dist/` with a stand-in for VS Code, and prints what that cost: milliseconds of processor time. */
const { Module } = require('node:module')
const { join } = require('node:path')

const load = Module._load
const standIn = new Proxy({}, { get: () => class {} })
Module._load = (name, ...rest) => (name === 'vscode' ? standIn : load(name, ...rest))
const before = process.cpuUsage()
require(join(__dirname, '../../../dist/extension.cjs'))
const { user, system } = process.cpuUsage(before)
process.stdout.write(String((user + system) / 1_000))
