#!/usr/bin/env node
/** The `tidemark` command. */
import { run } from './run.ts'
import { exitProcess, processTerminal } from './terminal.ts'

// Not awaited: as one file it is a CommonJS module, which cannot.
void run(processTerminal()).then(exitProcess)
