// `import 'vscode'` in a test: vitest's module runner cannot see what only the extension host's `require` knows.
module.exports = globalThis.vscodeOfTheHost
