// What VS Code loads as its test module: turns its extension host into a vitest worker, over a local socket.
const net = require('node:net')
const v8 = require('node:v8')

exports.run = async () => {
  globalThis.vscodeOfTheHost = require('vscode')
  const { init, runBaseTests, setupEnvironment } = await import(process.env.TIDEMARK_POOL_WORKER)
  const socket = net.connect(process.env.TIDEMARK_POOL_SOCKET)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const listeners = new Set()
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
      const size = received.readUInt32LE(0)
      const message = v8.deserialize(received.subarray(4, 4 + size))
      received = received.subarray(4 + size)
      for (const listener of listeners) listener(message)
    }
  })
  const post = (message) => {
    const body = v8.serialize(message)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(body.length)
    socket.write(Buffer.concat([size, body]))
  }
  init({
    post,
    on: (listener) => listeners.add(listener),
    off: (listener) => listeners.delete(listener),
    setup: setupEnvironment,
    runTests: (state, traces) => runBaseTests('run', state, traces),
    collectTests: (state, traces) => runBaseTests('collect', state, traces),
  })
  await new Promise((resolve) => socket.once('close', resolve))
}
