import { relative } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'

/** A test that failed, and passed when it was tried again. */
export type SecondTry = Readonly<{ file: string; test: string; reasons: readonly string[] }>

/** What is printed of them; nothing where there is none. */
export function tellOf(tries: readonly SecondTry[]): string {
  if (tries.length === 0) return ''
  const bar = '!'.repeat(100)
  const rows = tries.map(({ file, test, reasons }) =>
    [`  ${file} > ${test}`, ...reasons.map((reason) => `      first: ${reason}`)].join('\n'),
  )
  const head = `${tries.length} ${tries.length === 1 ? 'test' : 'tests'} passed only the second time. That is a fault to be mended, of the test or of what it tests:`
  return `\n${bar}\n${head}\n\n${rows.join('\n')}\n${bar}\n`
}

/** Prints, below all else, which tests needed a second try: a run that passes shall not hide them. */
export class SecondTries implements Reporter {
  #root = ''

  onInit(vitest: { config: { root: string } }): void {
    this.#root = vitest.config.root
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tries = modules.flatMap((module) =>
      [...module.children.allTests()]
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => ({
          file: relative(this.#root, module.moduleId),
          test: test.fullName,
          reasons: (test.result().errors ?? []).map(({ message, stacks }) => {
            const at = stacks?.[0]
            return `${message.split('\n', 1)[0]}${at ? ` (${relative(this.#root, at.file)}:${at.line})` : ''}`
          }),
        })),
    )
    // When the process ends is after every other reporter.
    if (tries.length > 0) process.once('exit', () => process.stderr.write(tellOf(tries)))
  }
}
