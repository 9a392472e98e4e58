#!/usr/bin/env node
/** The `tidemark` command. */
import { run } from './run.ts'
import { exitProcess, processTerminal } from './terminal.ts'

exitProcess(await run(processTerminal()))
