import { t } from '@vscode/l10n'
import type { ResetPlan, ResetTarget, Tidemark, UndoOptions } from 'tidemark'
import { commands, type Disposable, window } from 'vscode'
import { kafkaLine, type ResetRequest, tidemarkLine, undoLine } from '../model/command-lines.ts'
import type { QuantityWords } from '../model/quantity-words.ts'
import { isMeant } from '../model/tree-row.ts'
import type { GroupsView } from '../view/groups-view.ts'
import type { Sources } from '../view/sources.ts'
import { guardChange } from './change-guard.ts'
import { type PickedGroup, pickGroup } from './group-picker.ts'
import { previewPlan } from './plan-preview.ts'
import { pickResetTarget } from './reset-target-picker.ts'

/** What does the same inside of a program. */
const INSIDE = 'tide.groups.planReset(…) and apply()'

/** Moving a group and putting it back. */
export function registerResetCommands(view: GroupsView, sources: Sources, words: QuantityWords): readonly Disposable[] {
  const register = (name: string, run: (picked: PickedGroup) => Promise<void>) =>
    commands.registerCommand(`tidemark.${name}`, (element: unknown) =>
      guardChange(async () => {
        const picked = await pickGroup(element, view, sources, words)
        if (picked !== undefined) await run(picked)
      }, INSIDE),
    )
  return [
    register('reset', (picked) => reset(picked, words)),
    register('skipRecord', (picked) => move(picked, { by: 1 }, words)),
    register('undoReset', (picked) => undo(picked, words)),
  ]
}

async function reset(picked: PickedGroup, words: QuantityWords): Promise<void> {
  const rows = rowsOf(picked)
  const target = await pickResetTarget(titleOf(picked), rows.length === 1 ? rows[0] : undefined)
  if (target !== undefined) await move(picked, target, words)
}

async function move(picked: PickedGroup, target: ResetTarget, words: QuantityWords): Promise<void> {
  const { source } = picked
  const { group, topic, partition } = picked.target
  const scope =
    topic === undefined ? {} : { topics: [partition === undefined ? topic : { topic, partitions: [partition] }] }
  const planOn = (tide: Tidemark) => tide.groups.planReset(group, target, scope)
  const shown = await source.use(planOn)
  const request: ResetRequest = {
    directory: source.id,
    group,
    target,
    isRunning: shown.members.length > 0,
    ...(topic === undefined ? {} : { topic }),
    ...(partition === undefined ? {} : { partition }),
  }
  const lines = [
    { label: t('Copy the command line'), line: tidemarkLine(request) },
    { label: t('Copy the command line for a cluster'), line: kafkaLine(request) },
  ]
  if (!(await previewPlan(titleOf(picked), shown, lines, words))) return
  await source.change(async (tide) => {
    const plan = await planOn(tide)
    // A group that runs goes on meanwhile, which changes nothing unless the place is told from where it is.
    const mayGoOn = plan.members.length > 0 && !(typeof target === 'object' && 'by' in target)
    if (!mayGoOn) checkSame(shown, plan)
    await plan.apply({ running: true, force: mayGoOn })
  })
  const undoIt = t('Undo')
  const said =
    shown.members.length > 0
      ? t('{0} was moved. Its members go on there.', group)
      : t('{0} was moved. It goes on there when it starts.', group)
  if ((await window.showInformationMessage(said, undoIt)) === undoIt)
    await guardChange(() => source.change((tide) => putBack(tide, group)), INSIDE)
}

/** A group that runs has mostly committed since: whoever asked for it was shown that, or has just moved it. */
async function putBack(tide: Tidemark, group: string, options: UndoOptions = {}): Promise<void> {
  const plan = await tide.groups.planUndo(group, options)
  await plan.apply({ running: true, force: plan.members.length > 0 })
}

async function undo(picked: PickedGroup, words: QuantityWords): Promise<void> {
  const { source, target } = picked
  const options = target.topic === undefined ? {} : { topics: [target.topic] }
  const shown = await source.use((tide) => tide.groups.planUndo(target.group, options))
  if (shown.changes.length === 0) {
    void window.showInformationMessage(t('There is no reset of {0} to undo.', target.group))
    return
  }
  const line = undoLine({
    directory: source.id,
    group: target.group,
    isRunning: shown.members.length > 0,
    ...(target.topic === undefined ? {} : { topic: target.topic }),
  })
  const lines = [{ label: t('Copy the command line'), line }]
  const title = t('Undo the last reset of {0}', target.group)
  if (!(await previewPlan(title, shown, lines, words))) return
  await source.change((tide) => putBack(tide, target.group, options))
  void window.showInformationMessage(t('{0} stands where it stood before the reset.', target.group))
}

/** What was confirmed is what is done, or nothing is. */
function checkSame(shown: ResetPlan, now: ResetPlan): void {
  const positions = (plan: ResetPlan) =>
    JSON.stringify(plan.changes.map(({ topic, partition, before, after }) => [topic, partition, before, after?.offset]))
  if (positions(shown) === positions(now)) return
  throw new Error(t('The group or the log has changed since the preview. Nothing was changed; look at it again.'))
}

function titleOf({ target: { group, topic, partition } }: PickedGroup): string {
  if (topic === undefined) return t('Move {0}', group)
  return partition === undefined
    ? t('Move {0} on {1}', group, topic)
    : t('Move {0} on {1}-{2}', group, topic, partition)
}

function rowsOf({ source, target }: PickedGroup) {
  return source.snapshot.groups.flatMap(({ rows }) => rows).filter((row) => isMeant(row, target))
}
