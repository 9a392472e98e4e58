import type { Environment } from '../environment/environment.ts'
import { TidemarkError } from '../errors.ts'
import type { OnDamage } from './consume-options.ts'
import type { DamageJudge } from './partition-buffer.ts'

/** Damage in a log is never passed over in silence: it ends the loop, or is warned of. */
export function damageJudge(environment: Environment, onDamage: OnDamage): DamageJudge {
  return (problem, { topic, partition }, fromOffset, toOffset) => {
    if (problem.code !== 'CORRUPT_BATCH') throw problem
    const range = toOffset === undefined ? `From offset ${fromOffset} on` : `Offsets ${fromOffset} to ${toOffset - 1}`
    const said = `${range} of ${topic}-${partition} cannot be read: ${problem.message}`
    if (onDamage === 'skip' && toOffset !== undefined) {
      environment.process.emitWarning(`${said} They are skipped.`, 'TIDEMARK_DAMAGE_SKIPPED')
      return
    }
    const advice = toOffset === undefined ? '' : " With onDamage: 'skip' a loop goes on behind it."
    throw new TidemarkError('CORRUPT_BATCH', said + advice, { topic, partition, offset: fromOffset, cause: problem })
  }
}
