import { onTestFinished } from 'vitest'
import { ConfigurationTarget, commands, extensions, workspace } from 'vscode'
import type { TidemarkExtension } from '../../../extension/extension.ts'
import type { Statistics } from '../../../extension/model/statistics.ts'
import { SampleWorkspace } from './sample-workspace.ts'

/** Sets `tidemark.NAME` until the test is over. */
export async function setUntilEnd(name: string, value: unknown): Promise<void> {
  const settings = workspace.getConfiguration('tidemark')
  onTestFinished(() => Promise.resolve(settings.update(name, undefined, ConfigurationTarget.Global)))
  await settings.update(name, value, ConfigurationTarget.Global)
}

/** A sample directory, shown in the tree of the extension host that the test runs in, and what was done so far. */
export async function showWorkspace(): Promise<{ readonly sample: SampleWorkspace; readonly statistics: Statistics }> {
  const sample = await SampleWorkspace.create()
  onTestFinished(() => sample[Symbol.asyncDispose]())
  const { statistics } = await extensions.getExtension<TidemarkExtension>('tidemark.tidemark')!.activate()
  await setUntilEnd('directories', [`${sample.folder}/data`])
  await commands.executeCommand('tidemark.groups.focus')
  return { sample, statistics }
}
