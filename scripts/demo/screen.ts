/** A few lines at the bottom that are drawn again and again on a terminal, and printed now and then elsewhere. */
export class Screen {
  #drawn = 0
  #printedAtMs = 0
  readonly #terminal = process.stdout.isTTY === true

  say(text = ''): void {
    this.#drawn = 0
    process.stdout.write(`${text}\n`)
  }

  draw(lines: readonly string[]): void {
    if (!this.#terminal) {
      if (performance.now() - this.#printedAtMs < 2_000) return
      this.#printedAtMs = performance.now()
      this.say(lines.join('\n'))
      return
    }
    if (this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[0J`)
    process.stdout.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  bold(text: string): string {
    return this.#terminal ? `\x1b[1m${text}\x1b[0m` : text
  }

  dim(text: string): string {
    return this.#terminal ? `\x1b[2m${text}\x1b[0m` : text
  }

  bar(share: number, width = 30): string {
    const full = Math.round(Math.max(0, Math.min(1, share)) * width)
    return '█'.repeat(full) + '░'.repeat(width - full)
  }
}
