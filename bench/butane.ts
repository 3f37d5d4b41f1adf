import { performance } from 'node:perf_hooks'
import { readYaml } from '../src/configs/drivers/yaml.ts'
import { transpileButane } from '../src/protocols/ignition/butane.ts'
import { validateIgnition } from '../src/protocols/ignition/validate.ts'
import { median } from './wire.ts'

/**
 * How long Butane takes to become Ignition, against the size of the document: files with contents, units, users. Reading the YAML and
 * checking the result are told apart. `node bench/butane.ts [ROUNDS]`; needs nothing.
 */
const [rounds = 5] = process.argv.slice(2).map(Number)

function documentOf(entries: number): string {
  const lines = ['variant: flatcar', 'version: 1.0.0', 'storage:', '  files:']
  for (let i = 0; i < entries; i++)
    lines.push(
      `    - path: /etc/app/${i}.conf`,
      '      mode: 0644',
      '      contents:',
      `        inline: "name=${i}, ${'x'.repeat(60)}"`,
    )
  lines.push('systemd:', '  units:')
  for (let i = 0; i < entries; i++)
    lines.push(
      `    - name: app-${i}.service`,
      '      enabled: true',
      '      contents: |',
      '        [Service]',
      `        ExecStart=/bin/app ${i}`,
      '        [Install]',
      '        WantedBy=multi-user.target',
    )
  return `${lines.join('\n')}\n`
}

const timed = <T>(work: () => T): [T, number] => {
  const start = performance.now()
  const result = work()
  return [result, performance.now() - start]
}

console.log('| files and units | KiB | read YAML ms | transpile ms | µs per entry | check Ignition ms |')
console.log('|---|---|---|---|---|---|')
for (const entries of [10, 100, 1000, 2000, 4000]) {
  const text = documentOf(entries)
  const figures = Array.from({ length: rounds }, () => {
    const [{ document }, read] = timed(() => readYaml(text))
    const [{ ignition }, transpiled] = timed(() => transpileButane(document!, { file: () => undefined }))
    const json = readYaml(JSON.stringify(ignition)).document!
    const [problems, checked] = timed(() => validateIgnition(json))
    if (problems.length > 0) throw new Error(problems[0]!.message)
    return { read, transpiled, checked }
  })
  const of = (name: 'read' | 'transpiled' | 'checked') => median(figures.map((each) => each[name]))
  const each = (of('transpiled') * 1000) / (entries * 2)
  const cells = [entries * 2, Math.round(text.length / 1024), of('read'), of('transpiled'), each, of('checked')]
  console.log(`| ${cells.map((cell, index) => (index < 2 ? cell : cell.toFixed(1))).join(' | ')} |`)
}
