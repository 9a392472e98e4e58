/** Numbers and times as people of a language read them. */
import { t } from '@vscode/l10n'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export class QuantityWords {
  readonly #locale: string
  #digits: Intl.NumberFormat | undefined
  #moment: Intl.DateTimeFormat | undefined

  /** `locale`: a BCP 47 tag, as `vscode.env.language`. */
  constructor(locale: string) {
    this.#locale = locale
  }

  /** All digits, grouped: 1204 → `1,204`. */
  digits(value: number): string {
    this.#digits ??= new Intl.NumberFormat(this.#locale)
    return this.#digits.format(value)
  }

  /** A point in time, in the zone of whoever looks. */
  moment(timestampMs: number): string {
    this.#moment ??= new Intl.DateTimeFormat(this.#locale, { dateStyle: 'medium', timeStyle: 'medium' })
    return this.#moment.format(timestampMs)
  }

  /** Coarse, so that it changes seldom: `40 s`, `3 min`, `5 h`, `12 days`. */
  duration(durationMs: number): string {
    if (durationMs < MINUTE_MS) return t('{0} s', this.digits(Math.max(0, Math.round(durationMs / SECOND_MS))))
    if (durationMs < HOUR_MS) return t('{0} min', this.digits(Math.floor(durationMs / MINUTE_MS)))
    if (durationMs < 2 * DAY_MS) return t('{0} h', this.digits(Math.floor(durationMs / HOUR_MS)))
    return t('{0} days', this.digits(Math.floor(durationMs / DAY_MS)))
  }

  /** How long ago, by the minute: a row that counted seconds would never be at rest. */
  age(timestampMs: number, nowMs: number): string {
    const elapsedMs = nowMs - timestampMs
    return elapsedMs < MINUTE_MS ? t('just now') : t('{0} ago', this.duration(elapsedMs))
  }

  /** Until when `age` says the same. */
  ageUntilMs(timestampMs: number, nowMs: number): number {
    const elapsedMs = nowMs - timestampMs
    const stepMs = elapsedMs < HOUR_MS ? MINUTE_MS : elapsedMs < 2 * DAY_MS ? HOUR_MS : DAY_MS
    return timestampMs + Math.max(1, Math.floor(elapsedMs / stepMs) + 1) * stepMs
  }
}
