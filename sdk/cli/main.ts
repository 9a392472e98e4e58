#!/usr/bin/env node
/** The `tidemark` command. */
import { keepingAlive } from '../client/keep-alive.ts'
import { run } from './run.ts'
import { exitProcess, processTerminal } from './terminal.ts'

const terminal = processTerminal()
// Whatever it waits for, a command never ends without having said how it went.
// Not awaited: as one file it is a CommonJS module, which cannot.
void keepingAlive(terminal.environment.timers, run(terminal)).then(exitProcess)
